mod goes;
mod properties;
mod refused;
mod restarts;
mod starts;
