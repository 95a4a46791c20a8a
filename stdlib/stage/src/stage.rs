//! The stage trait, and how a plain function becomes a stage.

use std::marker::PhantomData;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Asked, Bar, Context, Cost, Counts, Dropped, Error, Input, Inputs, Lint, Pace, Remark, Result, Rule, Shown,
};

/// The text of a signature file and where it stands below `stdlib/`, for the compiler to read.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// e.g. `data/filter/language.llmp`.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl Signature {
    /// Whether it has an input, a setting or a field of this name.
    #[must_use]
    pub fn declares(&self, name: &str) -> bool {
        let code = self.text.lines().filter(|line| !line.trim_start().starts_with("///"));
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        code.flat_map(|line| line.match_indices(name).map(move |(at, _)| line.split_at(at))).any(
            |(before, from)| {
                !before.ends_with(is_word)
                    && from.get(name.len()..).is_some_and(|after| after.starts_with(':'))
            },
        )
    }
}

/// What the first bytes of a file of the user say of a stage that is to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Nothing speaks against it.
    Reads,
    /// The stage passes over such files, and refuses inputs that hold nothing else: why, as one sentence.
    PassesOver(String),
    /// The stage cannot read it: why and what can, as one sentence that names the file.
    Refuses(String),
}

/// Looks at a file's name and its first bytes, at most [`Probe::BYTES`].
#[derive(Clone, Copy)]
pub struct Probe(pub fn(name: &str, start: &[u8]) -> Fit);

impl Probe {
    /// How much of a file is looked at.
    pub const BYTES: u64 = 4_096;
}

/// The implementation of a stage signature.
pub trait Stage: Send + Sync {
    /// The name in its signature, e.g. `filter.language`.
    fn name(&self) -> &'static str;

    /// Its signature; `None` for stages that only tests know.
    fn signature(&self) -> Option<Signature>;

    /// Whether the settings have the implementation's type: exactly the signature's fields.
    ///
    /// # Errors
    /// serde's account of what does not fit.
    fn check_settings(&self, settings: &Value) -> std::result::Result<(), serde_json::Error>;

    /// What is wrong with settings that all have the right types: the stage's own rules over several of them.
    /// `llmp check` shows it, and the stage does not run with errors among it. `settings` are lowered ones;
    /// none are told where they do not fit.
    fn lint(&self, settings: &Value) -> Vec<Lint>;

    /// What settings come to that are left out and follow from others: an object that is looked at where
    /// `settings` have null. `None` where nothing does.
    fn complete(&self, settings: &Value) -> Option<Value> {
        let _ = settings;
        None
    }

    /// Runs to the end. Called once for a whole artifact, or once per shard where the signature says `per
    /// shard`; then the sharded input holds that shard only.
    ///
    /// # Errors
    /// Whatever stopped it; output written so far is discarded, state is kept.
    fn run(&self, ctx: &dyn Context, settings: &Value) -> Result<()>;

    /// How it tells by the first bytes of the user's files, before it runs, that it cannot read them.
    fn probe(&self) -> Option<Probe>;

    /// What it will need; `None` where that is not known. `settings` are lowered ones.
    fn cost(&self, settings: &Value, inputs: &Inputs) -> Option<Cost>;

    /// How fast it goes through its inputs, for one that computes no tensors; `None` where nobody has
    /// measured it.
    fn pace(&self) -> Option<Pace> {
        None
    }

    /// The rules by which it leaves documents out, as far as they have an account of themselves.
    fn rules(&self) -> &[Rule] {
        &[]
    }

    /// What its counts, those of all its shards together, say that a user should not have to look for.
    /// `settings` are lowered ones.
    fn remarks(&self, settings: &Value, counts: &Counts) -> Vec<Remark>;

    /// How the `report.json` that it made is shown, also one of an earlier version; `None` where that is not
    /// known.
    fn show(&self, report: &Value) -> Option<Shown>;
}

/// Makes a stage of a function that takes its settings as a struct.
///
/// The struct derives `Deserialize` with `deny_unknown_fields` and no defaults (defaults stand in the
/// signature, and nowhere else); optional settings are `Option`s that arrive as `null`.
pub fn stage<S>(name: &'static str, run: fn(&dyn Context, S) -> Result<()>) -> Function<S> {
    Function {
        name,
        signature: None,
        run,
        cost: None,
        pace: None,
        lint: None,
        complete: None,
        probe: None,
        rules: &[],
        remarks: None,
        show: None,
        settings: PhantomData,
    }
}

/// A function as a stage.
pub struct Function<S> {
    name: &'static str,
    signature: Option<Signature>,
    run: fn(&dyn Context, S) -> Result<()>,
    cost: Option<fn(&S, &Inputs) -> Cost>,
    pace: Option<Pace>,
    lint: Option<fn(&S) -> Vec<Lint>>,
    complete: Option<fn(&S) -> Value>,
    probe: Option<Probe>,
    rules: &'static [Rule],
    remarks: Option<fn(&S, &Counts) -> Vec<Remark>>,
    show: Option<fn(&Value) -> Option<Shown>>,
    settings: PhantomData<fn() -> S>,
}

impl<S> Function<S> {
    /// With its signature.
    #[must_use]
    pub fn signature(mut self, path: &'static str, text: &'static str) -> Self {
        self.signature = Some(Signature { path, text });
        self
    }

    /// With an estimate of what it will need.
    #[must_use]
    pub fn cost(mut self, cost: fn(&S, &Inputs) -> Cost) -> Self {
        self.cost = Some(cost);
        self
    }

    /// With how fast it is.
    #[must_use]
    pub fn pace(mut self, pace: fn() -> Pace) -> Self {
        self.pace = Some(pace());
        self
    }

    /// With what follows from its settings for those that are left out.
    #[must_use]
    pub fn complete(mut self, complete: fn(&S) -> Value) -> Self {
        self.complete = Some(complete);
        self
    }

    /// With rules over its settings.
    #[must_use]
    pub fn lint(mut self, lint: fn(&S) -> Vec<Lint>) -> Self {
        self.lint = Some(lint);
        self
    }

    /// With what it says of the first bytes of files.
    #[must_use]
    pub fn probe(mut self, probe: fn(name: &str, start: &[u8]) -> Fit) -> Self {
        self.probe = Some(Probe(probe));
        self
    }

    /// With what its counts say that should not be overlooked.
    #[must_use]
    pub fn remarks(mut self, remarks: fn(&S, &Counts) -> Vec<Remark>) -> Self {
        self.remarks = Some(remarks);
        self
    }

    /// With how its report is shown, where `report.json` itself does not say it.
    #[must_use]
    pub fn show(mut self, show: fn(&Value) -> Option<Shown>) -> Self {
        self.show = Some(show);
        self
    }

    /// With an account of its rules.
    #[must_use]
    pub fn rules(mut self, rules: fn() -> &'static [Rule]) -> Self {
        self.rules = rules();
        self
    }
}

impl<S: DeserializeOwned + 'static> Stage for Function<S> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> Option<Signature> {
        self.signature
    }

    fn check_settings(&self, settings: &Value) -> std::result::Result<(), serde_json::Error> {
        S::deserialize(settings).map(drop)
    }

    fn lint(&self, settings: &Value) -> Vec<Lint> {
        match (self.lint, S::deserialize(settings)) {
            (Some(lint), Ok(settings)) => lint(&settings),
            _ => vec![],
        }
    }

    fn complete(&self, settings: &Value) -> Option<Value> {
        Some(self.complete?(&S::deserialize(settings).ok()?))
    }

    fn rules(&self) -> &[Rule] {
        self.rules
    }

    fn run(&self, ctx: &dyn Context, settings: &Value) -> Result<()> {
        let settings = S::deserialize(settings).map_err(|error| {
            Error::new(format!("the settings of `{}` do not fit this program", self.name)).because(error)
        })?;
        let lints = self.lint.map_or_else(Vec::new, |lint| lint(&settings));
        match lints.into_iter().find(Lint::is_error) {
            Some(lint) => Err(lint.into()),
            None => match self.signature {
                Some(signature) => (self.run)(&Declared { ctx, stage: self.name, signature }, settings),
                None => (self.run)(ctx, settings),
            },
        }
    }

    fn probe(&self) -> Option<Probe> {
        self.probe
    }

    fn cost(&self, settings: &Value, inputs: &Inputs) -> Option<Cost> {
        let mut cost = match self.cost {
            Some(cost) => cost(&S::deserialize(settings).ok()?, inputs),
            None => Cost::default(),
        };
        if let Some(pace) = self.pace {
            cost.read = inputs.bytes().or(cost.read);
            cost.result.bytes = cost.result.bytes.or(cost.read.map(|read| pace.result(read)));
        }
        (self.cost.is_some() || self.pace.is_some()).then_some(cost)
    }

    fn pace(&self) -> Option<Pace> {
        self.pace
    }

    fn remarks(&self, settings: &Value, counts: &Counts) -> Vec<Remark> {
        match (self.remarks, S::deserialize(settings)) {
            (Some(remarks), Ok(settings)) => remarks(&settings, counts),
            _ => vec![],
        }
    }

    fn show(&self, report: &Value) -> Option<Shown> {
        Shown::of(report).or_else(|| self.show?(report))
    }
}

/// A context that gives a stage what its signature declares and nothing else: a misspelt role would otherwise
/// be an optional input that is never there.
struct Declared<'a> {
    ctx: &'a dyn Context,
    stage: &'static str,
    signature: Signature,
}

impl Context for Declared<'_> {
    fn inputs(&self, role: &str) -> &[Input] {
        assert!(
            self.signature.declares(role),
            "`{}` asks for `{role}`, which its signature lacks",
            self.stage
        );
        self.ctx.inputs(role)
    }
    fn shard(&self) -> Option<&str> {
        self.ctx.shard()
    }
    fn output(&self) -> &Path {
        self.ctx.output()
    }
    fn state(&self) -> &Path {
        self.ctx.state()
    }
    fn shared(&self) -> Option<&Path> {
        self.ctx.shared()
    }
    fn looks(&self) -> bool {
        self.ctx.looks()
    }
    fn asked(&self, id: &str, rule: &'static str, asked: Asked) {
        self.ctx.asked(id, rule, asked);
    }
    fn device(&self) -> &str {
        self.ctx.device()
    }
    fn threads(&self) -> usize {
        self.ctx.threads()
    }
    fn cancelled(&self) -> bool {
        self.ctx.cancelled()
    }
    fn start_bar(&self, total: Option<u64>, unit: &str) -> Box<dyn Bar> {
        self.ctx.start_bar(total, unit)
    }
    fn log(&self, line: &str) {
        self.ctx.log(line);
    }
    fn count(&self, name: &str, add: u64) {
        self.ctx.count(name, add);
    }
    fn point(&self, curve: &str, x: f64, y: f64) {
        self.ctx.point(curve, x, y);
    }
    fn measure(&self, name: &str, value: f64) {
        self.ctx.measure(name, value);
    }
    fn resumed(&self, seconds: f64) {
        self.ctx.resumed(seconds);
    }
    fn dropped(&self, dropped: Dropped) {
        self.ctx.dropped(dropped);
    }
    fn show(&self, text: &str) {
        self.ctx.show(text);
    }
}

/// Registers the stages of a module: makes the function `stages()`.
///
/// A stage `"filter.language" = language` is the function `run` of the module `language`, and its signature
/// is `language.llmp` beside it; `knowledge::probe` lies a folder deeper. `{ complete, cost, lint, probe,
/// remarks, rules, show }` name what else the module has. The folder is where the signatures stand below
/// `stdlib/`, without `src/`.
///
/// ```ignore
/// llmp_stage::stages! { "data/dedup":
///     "dedup.minhash" = minhash { cost, lint },
/// }
/// ```
#[macro_export]
macro_rules! stages {
    ($folder:literal: $($name:literal = $module:ident $(:: $inner:ident)* $({ $($hook:ident),* })?),* $(,)?) => {
        /// The stages of this module, each with its signature.
        #[must_use]
        pub fn stages() -> Vec<Box<dyn $crate::Stage>> {
            vec![$(Box::new(
                $crate::stages!(@hooks
                    $crate::stage($name, $module $(:: $inner)* ::run).signature(
                        concat!($folder, "/", stringify!($module), $("/", stringify!($inner),)* ".llmp"),
                        include_str!(concat!(stringify!($module), $("/", stringify!($inner),)* ".llmp")),
                    ),
                    ($module $(:: $inner)*) $($($hook)*)?
                )
            )),*]
        }
    };
    (@hooks $stage:expr, ($($module:tt)*)) => { $stage };
    (@hooks $stage:expr, ($($module:tt)*) $hook:ident $($more:ident)*) => {
        $crate::stages!(@hooks $stage.$hook($($module)* ::$hook), ($($module)*) $($more)*)
    };
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::testing::TestContext;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        low: u32,
        high: u32,
    }

    fn lint(settings: &Settings) -> Vec<Lint> {
        let wrong = settings.low > settings.high;
        wrong
            .then(|| Lint::new("E0305", &["low"], "`low` is above `high`").help("swap them"))
            .into_iter()
            .collect()
    }

    #[test]
    fn a_stage_does_not_run_with_settings_that_its_own_rules_refuse() {
        let root = tempfile::tempdir().unwrap();
        let ctx = TestContext::new(root.path());
        let run = |ctx: &dyn Context, _: Settings| {
            ctx.count("runs", 1);
            Ok(())
        };
        let stage: &dyn Stage = &stage("test.between", run).lint(lint);
        assert!(stage.lint(&json!({"low": 1})).is_empty(), "types come first");
        let error = stage.run(&ctx, &json!({"low": 2, "high": 1})).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.help_text()),
            ("`low` is above `high`", Some("swap them"))
        );
        stage.run(&ctx, &json!({"low": 1, "high": 2})).unwrap();
        assert_eq!(ctx.counted("runs"), 1);
    }

    #[test]
    fn a_signature_declares_inputs_and_settings() {
        let text = "/// About words: many.\nstage a.b(docs: Docs, index: Index?) -> Docs {\n  min_words: Int = 5\n}\n";
        let signature = Signature { path: "a/b.llmp", text };
        assert!(["docs", "index", "min_words"].iter().all(|name| signature.declares(name)));
        assert!(
            ["doc", "ocs", "words", "many", "Docs", "index?"].iter().all(|name| !signature.declares(name))
        );
    }

    #[test]
    fn a_stage_with_a_signature_has_all_of_its_context() {
        #[derive(Deserialize)]
        struct None {}
        let root = tempfile::tempdir().unwrap();
        let run = |ctx: &dyn Context, _: None| {
            ctx.count("shared", ctx.shared().is_some().into());
            Ok(())
        };
        let stage = stage("a.b", run).signature("a/b.llmp", "stage a.b(documents: Docs) -> Docs {}");
        let ctx = TestContext::new(root.path());
        stage.run(&ctx, &json!({})).unwrap();
        assert_eq!(ctx.counted("shared"), 1);
    }

    #[test]
    #[should_panic(expected = "asks for `document`, which its signature lacks")]
    fn a_misspelt_role_is_found() {
        #[derive(Deserialize)]
        struct None {}
        let root = tempfile::tempdir().unwrap();
        let run = |ctx: &dyn Context, _: None| ctx.input("document").map(drop);
        let stage = stage("a.b", run).signature("a/b.llmp", "stage a.b(documents: Docs) -> Docs {}");
        drop(stage.run(&TestContext::new(root.path()), &json!({})));
    }
}
