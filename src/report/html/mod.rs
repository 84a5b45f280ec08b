//! The report as one page that needs nothing else: no script, no font, no picture from elsewhere.
//!
//! [`page`] turns a result into the texts of the template `page.html`; [`tables`] makes the tables of a run. Every
//! text is escaped by the template; the charts alone go in as they are, and have escaped theirs themselves.

pub mod page;
pub mod tables;

pub use page::render;
