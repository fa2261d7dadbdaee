mod chaos;
mod leader;
mod lease;
mod loops;
mod newer;
mod rig;
