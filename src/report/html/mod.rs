//! The report as one page that needs nothing else: no font, no picture, no script from elsewhere.
//!
//! [`page`] turns a result into the texts of the template `page.html`; [`figures`] arranges the
//! charts, [`figure_tables`] has their figures as text, [`tables`] all others, [`facts`] what
//! stands at the top. Every text is escaped by the template; the charts alone go in as they are,
//! and have escaped theirs themselves. [`versions`] is the page of a comparison. Everything can be
//! read without script; the script (`page.js`) shows the same in other ways.

pub(crate) mod facts;
pub(crate) mod figure_tables;
pub(crate) mod figures;
mod histograms;
pub(crate) mod page;
pub(crate) mod style;
pub(crate) mod tables;
pub(crate) mod versions;

pub use page::{Delivery, overlaid, render};
