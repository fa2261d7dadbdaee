mod chaos;
mod leader;
mod lease;
mod loops;
mod rig;
