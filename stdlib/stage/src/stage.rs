//! The stage trait, and how a plain function becomes a stage.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Context, Cost, Error, Inputs, Result};

/// The text of a signature file and where it stands below `stdlib/`, for the compiler to read.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// e.g. `data/filter/language.llmp`.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The implementation of a stage signature.
pub trait Stage: Send + Sync {
    /// The name in its signature, e.g. `filter.language`.
    fn name(&self) -> &'static str;

    /// Whether the settings have the implementation's type: exactly the signature's fields.
    ///
    /// # Errors
    /// serde's account of what does not fit.
    fn check_settings(&self, settings: &Value) -> std::result::Result<(), serde_json::Error>;

    /// Runs to the end. Called once for a whole artifact, or once per shard where the signature says `per shard`; then
    /// the sharded input holds that shard only.
    ///
    /// # Errors
    /// Whatever stopped it; output written so far is discarded, state is kept.
    fn run(&self, ctx: &dyn Context, settings: &Value) -> Result<()>;

    /// What it will need. `settings` are lowered ones.
    fn cost(&self, settings: &Value, inputs: &Inputs) -> Option<Cost> {
        let _ = (settings, inputs);
        None
    }
}

/// Makes a stage of a function that takes its settings as a struct.
///
/// The struct derives `Deserialize` with `deny_unknown_fields` and no defaults (defaults stand in the signature, and
/// nowhere else); optional settings are `Option`s that arrive as `null`.
pub fn stage<S: DeserializeOwned + 'static>(
    name: &'static str,
    run: fn(&dyn Context, S) -> Result<()>,
) -> Box<dyn Stage> {
    Box::new(Function { name, run, cost: None, settings: PhantomData })
}

type CostFn<S> = fn(&S, &Inputs) -> Cost;

struct Function<S> {
    name: &'static str,
    run: fn(&dyn Context, S) -> Result<()>,
    cost: Option<CostFn<S>>,
    settings: PhantomData<fn() -> S>,
}

/// As [`stage`], with a cost estimate.
pub fn stage_with_cost<S: DeserializeOwned + 'static>(
    name: &'static str,
    run: fn(&dyn Context, S) -> Result<()>,
    cost: CostFn<S>,
) -> Box<dyn Stage> {
    Box::new(Function { name, run, cost: Some(cost), settings: PhantomData })
}

impl<S: DeserializeOwned> Stage for Function<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check_settings(&self, settings: &Value) -> std::result::Result<(), serde_json::Error> {
        S::deserialize(settings).map(drop)
    }

    fn run(&self, ctx: &dyn Context, settings: &Value) -> Result<()> {
        let settings = S::deserialize(settings).map_err(|error| {
            Error::new(format!("the settings of `{}` do not fit this program", self.name)).because(error)
        })?;
        (self.run)(ctx, settings)
    }

    fn cost(&self, settings: &Value, inputs: &Inputs) -> Option<Cost> {
        let cost = self.cost?;
        Some(cost(&S::deserialize(settings).ok()?, inputs))
    }
}
