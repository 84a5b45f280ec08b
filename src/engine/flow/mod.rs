//! What an iteration does: its steps in order, its branches, its draws and the rows that it starts
//! with.

pub mod branches;
pub mod interpreter;
pub mod iteration;
pub mod iteration_state;
pub mod values;
