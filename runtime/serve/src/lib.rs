//! What llmp serves to browsers and programs: models behind OpenAI's API (`llmp serve`), and the live page of
//! a pipeline, its drawing in the colours of a dry run beside its text (`llmp graph --watch`).
//!
//! This is the only crate that answers HTTP. It shows what it is given: it reads no store, plans nothing, and
//! knows models as a trait, tokens in and tokens out. Start reading at [`Model`], what is served, then at
//! [`Engine`], the one thread that computes, [`Api`], what is answered, and [`Listener`], the connections; at
//! [`Scene`] and [`Server`] for the live page.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod api;
mod app;
mod engine;
mod gate;
mod http;
mod listen;
pub mod model;
mod page;
mod scene;
mod server;

pub use api::{Api, Client};
pub use app::Page;
pub use engine::{Counts, Engine, News, Writer};
pub use gate::Gate;
pub use http::{Limits, Reply, Request};
pub use listen::Listener;
pub use model::Model;
pub use page::{Source, page};
pub use scene::{Place, Render, Scene};
pub use server::Server;
