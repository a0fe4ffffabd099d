//! Organizations: who is in them, and what each may do.

mod invitations;
mod large;
mod license;
mod lifecycle;
mod logs;
mod matrix;
mod members;
mod roles;
mod second_factor;
mod teams;
