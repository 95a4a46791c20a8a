//! What runs did and what a plan says, for people.
//!
//! It reads the store, the records of runs and planned [rows](llmp_planning::rows); it runs nothing, and
//! knows neither the engine nor any stage.
//!
//! * about runs that ended: [`report`] (funnel, curves, tables, timings; several runs side by side), [`diff`]
//!   (two runs), [`trace`] (one document), [`reach`] (which run needs which objects)
//! * about sources that are to go: [`forget`] (which results hold them, and whether any is left)
//! * about a filter: [`look`] (what its rules saw, and what other thresholds would keep)
//! * about an export: [`card`] (sources, filters, tokens, evaluations, how to make it again)
//! * about one result: [`peek`] (counts and first rows, for the editor)
//! * about the run that goes on: [`following`]
//! * about what a run would do: [`why`], [`hints`], [`watching`] (again and again), [`drawing`]
//!
//! Start reading at [`report::Report`].

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod card;
pub mod diff;
pub mod drawing;
pub mod following;
pub mod forget;
pub mod hints;
mod html;
pub mod look;
pub mod peek;
pub mod reach;
pub mod report;
pub mod tensorboard;
pub mod trace;
pub mod watching;
pub mod why;

pub use html::html_head;
