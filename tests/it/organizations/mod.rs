//! Organizations: who is in them, and what each may do.

mod lifecycle;
mod matrix;
mod members;
mod roles;
