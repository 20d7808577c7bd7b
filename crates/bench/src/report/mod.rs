//! What was measured, for people: tables for the terminal, and a page with figures that needs nothing but itself.

mod bars;
mod levels;
mod numbers;
mod page;
mod roofline;
mod tables;

pub use page::page;
pub use tables::{Table, tables};
