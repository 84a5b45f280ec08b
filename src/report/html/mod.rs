//! The report as a self-contained page: no font, picture or script is loaded from elsewhere.
//!
//! [`page`] turns a result into the texts of the template `page.html`; [`figures`] arranges the
//! charts, [`figure_tables`] has their figures as text, [`gates`] the tables of what is judged,
//! [`tables`] all others, [`facts`] the top of the page. The template escapes every text; only the
//! charts are inserted as they are, because they escape their own text. [`versions`] is the page of
//! a comparison. Everything is readable without the script; the script (`page.js`) shows the same
//! data in other ways.

mod changed_table;
mod exemplar_table;
pub(crate) mod facts;
pub(crate) mod figure_tables;
pub(crate) mod figures;
pub(crate) mod gates;
mod group_table;
mod histograms;
mod lookup_table;
mod measure_table;
pub(crate) mod page;
mod parts;
mod replay_table;
mod run_tables;
mod shard_table;
mod stage_tables;
mod step_panels;
pub(crate) mod style;
pub(crate) mod tables;
mod tag_table;
pub(crate) mod versions;
mod watched_table;

pub use page::{Delivery, overlaid, render};
