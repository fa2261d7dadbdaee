mod chaos;
mod leader;
mod loops;
mod rig;
