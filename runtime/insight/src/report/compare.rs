//! Runs side by side: the settings that differ, what it came to, what it took. And the members of a family in
//! one run, which are compared in the same way.

use std::collections::{BTreeMap, BTreeSet};

use llmp_compiler::key::ComponentName;
use llmp_records::{Notes, StageStatus};
use llmp_stage::Shown;
use llmp_stage::shown::Unit;
use serde_json::{Value, json};

use super::{Report, StageReport, Training, trainings};

/// Runs side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// A row for each run, in the order given; one for each member, where it made families.
    pub rows: Vec<Row>,
    /// Settings that differ between the rows, as `stage.setting`, in order of name.
    pub settings: Vec<String>,
    /// Numbers that any of the rows has, as `stage.name`: trainings before evaluations.
    pub measures: Vec<String>,
}

/// A run in a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its number.
    pub run: u64,
    /// The member of a family, `[lr=0.02]`; its settings and measures are called as if it were alone.
    pub member: Option<String>,
    /// `main.llmp to base`
    pub title: String,
    /// How it ended, in a word.
    pub status: String,
    /// Seconds since the Unix epoch.
    pub started: f64,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Seconds of work of what ran in it.
    pub work: f64,
    /// The device.
    pub device: String,
    /// Of the run's work the part that is its own: 1, but for the members of families.
    pub part: f64,
    /// What its time cost; `None` where nobody has stated a price.
    pub cost: Option<f64>,
    /// What came of what the program expects of its reports.
    pub gates: Gates,
    /// What the user wrote about it.
    pub notes: Notes,
    /// Settings by name.
    pub settings: BTreeMap<String, String>,
    /// Numbers by name.
    pub measures: BTreeMap<String, Measured>,
}

/// How many expectations of a run came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// As expected.
    pub passed: u64,
    /// Not as expected.
    pub failed: u64,
    /// Of reports that are not there.
    pub open: u64,
}

impl Gates {
    /// `3 passed`, `2 passed, 1 failed`; empty where nothing is expected.
    #[must_use]
    pub fn text(&self) -> String {
        let all = [(self.passed, "passed"), (self.failed, "failed"), (self.open, "open")];
        let some = all.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

/// What an hour of a machine costs, in the user's money.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// Of runs on this device only: `cuda`, `cuda:1`.
    pub device: Option<String>,
    /// For an hour.
    pub hour: f64,
}

impl Price {
    /// Whether it is the price of a run on `device`.
    fn is_of(&self, device: &str) -> bool {
        let named = |name: &String| {
            device.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        self.device.as_ref().is_none_or(named)
    }
}

/// A number and what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// In its unit.
    pub value: f64,
    /// What it is.
    pub unit: Unit,
    /// Whether a training came to it.
    pub training: bool,
}

impl Measured {
    /// As people read it.
    #[must_use]
    pub fn text(&self) -> String {
        self.unit.text(self.value)
    }
}

impl Comparison {
    /// Of runs with what was written about them.
    #[must_use]
    pub fn of<'r>(runs: impl IntoIterator<Item = (&'r Report, Notes)>) -> Self {
        let rows = runs.into_iter().flat_map(|(report, notes)| rows(report, &notes)).collect();
        let mut comparison = Self { rows, ..Self::default() };
        comparison.name_columns();
        comparison
    }

    /// Works out the columns for the rows that are there.
    fn name_columns(&mut self) {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut measures: BTreeSet<(bool, &str)> = BTreeSet::new();
        for row in &self.rows {
            for (name, value) in &row.settings {
                values.entry(name).or_default().insert(value);
            }
            measures.extend(row.measures.iter().map(|(name, one)| (!one.training, name.as_str())));
        }
        let differing = values.into_iter().filter(|(_, values)| values.len() > 1);
        let settings = differing.map(|(name, _)| name.to_owned()).collect();
        let measures = measures.into_iter().map(|(_, name)| name.to_owned()).collect();
        (self.settings, self.measures) = (settings, measures);
    }

    /// Works out what each row cost: its part of the run's hours, by the first price that is of its device.
    pub fn price(&mut self, prices: &[Price]) {
        for row in &mut self.rows {
            let price = prices.iter().find(|price| price.is_of(&row.device));
            row.cost = price.map(|price| price.hour * row.part * row.seconds / 3600.0);
        }
    }

    /// Keeps the rows that `keep` wants, and the columns that still say something.
    pub fn retain(&mut self, keep: impl FnMut(&Row) -> bool) {
        self.rows.retain(keep);
        self.name_columns();
    }

    /// The column that is called so, in full or behind its stage's name: `base.lr`, or `lr` where one stage
    /// alone has it.
    ///
    /// # Errors
    /// The names that fit, where it is not one.
    pub fn column<'c>(&'c self, name: &str) -> Result<&'c str, Vec<&'c str>> {
        let all = self.rows.iter().flat_map(|row| row.settings.keys().chain(row.measures.keys()));
        let all: BTreeSet<&str> = all.map(String::as_str).collect();
        if let Some(exact) = all.get(name) {
            return Ok(exact);
        }
        let behind = |full: &str| full.strip_suffix(name).is_some_and(|stage| stage.ends_with('.'));
        let fits: Vec<&str> = all.into_iter().filter(|full| behind(full)).collect();
        match fits.as_slice() {
            [one] => Ok(one),
            _ => Err(fits),
        }
    }

    /// For programs; the form is described in `spec/`.
    #[must_use]
    pub fn json(&self) -> Value {
        let row = |row: &Row| {
            let settings: BTreeMap<_, _> =
                self.settings.iter().filter_map(|name| Some((name, row.settings.get(name)?))).collect();
            let measures: BTreeMap<_, _> = row.measures.iter().map(|(name, one)| (name, one.value)).collect();
            json!({"run": row.run, "member": row.member, "pipeline": row.title, "status": row.status, "started": row.started,
                "seconds": row.seconds, "work": row.work, "device": row.device, "cost": row.cost,
                "gates": {"passed": row.gates.passed, "failed": row.gates.failed, "open": row.gates.open}, "tags": row.notes.tags, "note": row.notes.note,
                "settings": settings, "measures": measures})
        };
        json!({"format_version": 1, "settings": self.settings, "measures": self.measures,
            "runs": self.rows.iter().map(row).collect::<Vec<_>>()})
    }
}

impl Row {
    /// The number in a column, where it holds one: a measure, or a setting that is a number.
    #[must_use]
    pub fn number(&self, column: &str) -> Option<f64> {
        match self.measures.get(column) {
            Some(measured) => Some(measured.value),
            None => number(self.settings.get(column)?),
        }
    }
}

/// A number as settings are written: `0.02`, `20_000`, `5%`; `None` where it is none.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    match plain.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok().map(|percent| percent / 100.0),
        None => plain.parse().ok(),
    }
}

/// The rows of a run: one for each member of its families, which are compared like runs; one where there are
/// none.
fn rows(report: &Report, notes: &Notes) -> Vec<Row> {
    let members: BTreeSet<&str> = report.stages.iter().filter_map(|stage| parts(&stage.name).1).collect();
    match members.is_empty() {
        true => vec![row(report, notes, None)],
        false => members.into_iter().map(|member| row(report, notes, Some(member))).collect(),
    }
}

fn row(report: &Report, notes: &Notes, member: Option<&str>) -> Row {
    // What is in no family is the same for all members.
    let mine = |stage: &&StageReport| parts(&stage.name).1.is_none_or(|of| Some(of) == member);
    let own = |stage: &&StageReport| mine(stage) && parts(&stage.name).1 == member;
    let mut settings = BTreeMap::new();
    for stage in report.stages.iter().filter(mine) {
        for component in &stage.settings {
            if let ComponentName::Setting(name) | ComponentName::Files(name) = &component.name {
                settings.insert(format!("{}.{name}", parts(&stage.name).0), component.value.clone());
            }
        }
    }
    let ran = |stage: &&StageReport| stage.status == StageStatus::Ran;
    // The sum of nothing is -0.0.
    let all = 0.0 + report.stages.iter().filter(ran).map(|stage| stage.seconds).sum::<f64>();
    let work = 0.0 + report.stages.iter().filter(own).filter(ran).map(|stage| stage.seconds).sum::<f64>();
    Row {
        run: report.run,
        member: member.map(str::to_owned),
        title: report.title(),
        status: report.status.to_string(),
        started: report.started,
        seconds: report.seconds,
        work,
        device: report.device.clone(),
        part: if member.is_none() || all <= 0.0 { 1.0 } else { work / all },
        cost: None,
        gates: gates(report, member),
        notes: notes.clone(),
        settings,
        measures: measures(report, member),
    }
}

/// How the expectations came out: of a member those that are about it, and those that are about none.
fn gates(report: &Report, member: Option<&str>) -> Gates {
    let mine = |measured: &str| {
        let is_of = |name: &str| measured.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let stage = report.stages.iter().find(|stage| is_of(&stage.name));
        stage.and_then(|stage| parts(&stage.name).1).is_none_or(|of| Some(of) == member)
    };
    let mut gates = Gates::default();
    for one in report.expectations.iter().filter(|one| mine(&one.measured)) {
        *match one.holds {
            Some(true) => &mut gates.passed,
            Some(false) => &mut gates.failed,
            None => &mut gates.open,
        } += 1;
    }
    gates
}

/// What trainings came to, and what evaluations measured of each model.
fn measures(report: &Report, member: Option<&str>) -> BTreeMap<String, Measured> {
    let mine = |name: &str| parts(name).1.is_none_or(|of| Some(of) == member);
    let mut measures = BTreeMap::new();
    for training in trainings(report).iter().filter(|training| mine(&training.stage.name)) {
        for came in training.came_to() {
            let name = format!("{}.{}", parts(&training.stage.name).0, came.name);
            measures.insert(name, Measured { value: came.value, unit: Unit::Number, training: true });
        }
    }
    for stage in report.stages.iter().filter(|stage| mine(&stage.name)) {
        for measure in stage.shown.iter().flat_map(Shown::compared) {
            // One table may be about all members: each has its own row of it.
            let of = measure.keys.first().map(String::as_str).unwrap_or_default();
            if mine(of) {
                let of = format!("{} {}", parts(of).0, measure.measure);
                let name = format!("{}.{}", parts(&stage.name).0, of.trim_start());
                measures.insert(name, Measured { value: measure.value, unit: measure.unit, training: false });
            }
        }
    }
    measures
}

/// `base` and `[lr=0.02]` of `base[lr=0.02]`, which is how members of a family are named.
fn parts(stage: &str) -> (&str, Option<&str>) {
    match stage.find('[') {
        Some(at) => (&stage[..at], Some(&stage[at..])),
        None => (stage, None),
    }
}

/// Members of a family that trained: stages that one `each` made of one binding.
pub(super) struct Family<'a> {
    /// The binding.
    pub(super) name: &'a str,
    /// Its members, the one with the lowest loss first.
    pub(super) members: Vec<Training<'a>>,
    /// What differs between them: settings and inputs.
    pub(super) axes: Vec<String>,
}

impl<'a> Family<'a> {
    /// The families among trainings, and the trainings that are in none.
    pub(super) fn among(all: Vec<Training<'a>>) -> (Vec<Self>, Vec<Training<'a>>) {
        let mut by_name: BTreeMap<&str, Vec<Training<'a>>> = BTreeMap::new();
        for training in all {
            by_name.entry(parts(&training.stage.name).0).or_default().push(training);
        }
        let (mut families, mut single) = (Vec::new(), Vec::new());
        for (name, mut members) in by_name {
            if members.len() < 2 {
                single.extend(members);
                continue;
            }
            let loss = |training: &Training<'_>| training.decisive().map_or(f64::INFINITY, |came| came.value);
            members.sort_by(|one, other| loss(one).total_cmp(&loss(other)));
            let axes = axes(members.iter().map(|member| member.stage));
            families.push(Self { name, members, axes });
        }
        (families, single)
    }
}

/// The settings and inputs in which stages differ.
fn axes<'s>(stages: impl Iterator<Item = &'s StageReport>) -> Vec<String> {
    let mut values: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for component in stages.flat_map(|stage| &stage.settings) {
        values.entry(axis(&component.name)).or_default().insert(&component.value);
    }
    values.into_iter().filter(|(_, values)| values.len() > 1).map(|(name, _)| name).collect()
}

fn axis(name: &ComponentName) -> String {
    match name {
        ComponentName::Setting(name) | ComponentName::Input(name) | ComponentName::Files(name) => {
            name.to_string()
        }
        other => other.text().into_owned(),
    }
}

/// What a stage has on an axis.
pub(super) fn on_axis<'s>(stage: &'s StageReport, name: &str) -> Option<&'s str> {
    let found = stage.settings.iter().find(|component| axis(&component.name) == name);
    found.map(|component| component.value.as_str())
}

#[cfg(test)]
pub(super) mod tests {
    use llmp_compiler::key::{Component, Digest};

    use super::*;

    /// A stage's name, its settings, and the loss that it came to.
    pub(in crate::report) type Trained<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

    /// A run of these trainings.
    pub(in crate::report) fn run(number: u64, stages: &[Trained<'_>]) -> Report {
        let stage = |(name, settings, loss): &Trained<'_>| StageReport {
            name: (*name).to_owned(),
            kind: "pretrain".into(),
            status: StageStatus::Ran,
            seconds: 2.0,
            settings: settings
                .iter()
                .map(|(name, value)| Component {
                    name: ComponentName::Setting((*name).into()),
                    value: (*value).to_owned(),
                    digest: Digest::of(value.as_bytes()),
                })
                .collect(),
            curves: BTreeMap::from([("loss".to_owned(), vec![(1.0, 5.0), (2.0, loss + 0.1)])]),
            measures: BTreeMap::from([("loss".to_owned(), *loss)]),
            ..StageReport::default()
        };
        Report { run: number, stages: stages.iter().map(stage).collect(), ..Report::default() }
    }

    #[test]
    fn what_differs_is_a_column() {
        let one = run(1, &[("base", &[("lr", "0.02"), ("width", "64")], 2.5)]);
        let two = run(2, &[("base", &[("lr", "0.05"), ("width", "64")], 2.25)]);
        let notes = Notes { tags: BTreeSet::from(["good".to_owned()]), note: Some("low rate".into()) };
        let mut all = Comparison::of([(&one, notes), (&two, Notes::default())]);
        assert_eq!(
            (&all.settings[..], &all.measures[..]),
            (&["base.lr".into()][..], &["base.loss".into()][..])
        );
        assert_eq!(
            (all.rows[1].number("base.loss"), all.rows[0].number("base.lr")),
            (Some(2.25), Some(0.02))
        );
        assert_eq!((all.column("lr"), all.column("base.loss")), (Ok("base.lr"), Ok("base.loss")));
        assert_eq!((all.column("rate"), all.column("r")), (Err(vec![]), Err(vec![])));
        let value = all.json();
        assert_eq!(value["runs"][0]["settings"], json!({"base.lr": "0.02"}));
        assert_eq!(
            (&value["runs"][0]["tags"], &value["runs"][1]["measures"]["base.loss"]),
            (&json!(["good"]), &json!(2.25))
        );
        all.retain(|row| row.run == 1);
        assert!(all.settings.is_empty() && all.rows.len() == 1);
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let read = ["0.02", "20_000", "5%", "-1e3", "fast", "", "%"].map(number);
        assert_eq!(read, [Some(0.02), Some(20_000.0), Some(0.05), Some(-1000.0), None, None, None]);
    }

    #[test]
    fn members_are_rows() {
        let stages: &[Trained<'_>] = &[
            ("docs", &[("min", "5")], 9.0),
            ("base[lr=0.02]", &[("lr", "0.02")], 2.5),
            ("base[lr=0.05]", &[("lr", "0.05")], 2.25),
        ];
        let report = run(7, stages);
        let all = Comparison::of([(&report, Notes::default())]);
        assert_eq!(all.settings, ["base.lr"]);
        let seen: Vec<_> = all
            .rows
            .iter()
            .map(|row| (row.run, row.member.as_deref(), row.number("base.loss"), row.work))
            .collect();
        assert_eq!(seen, [(7, Some("[lr=0.02]"), Some(2.5), 2.0), (7, Some("[lr=0.05]"), Some(2.25), 2.0)]);
        assert!(
            all.rows
                .iter()
                .all(|row| row.settings["docs.min"] == "5" && row.number("docs.loss") == Some(9.0))
        );
    }

    #[test]
    fn gates_and_costs_are_columns() {
        let expectation = |measured: &str, holds| llmp_records::Expectation {
            measured: measured.to_owned(),
            holds,
            ..llmp_records::Expectation::default()
        };
        let stages: &[Trained<'_>] = &[
            ("docs", &[], 9.0),
            ("score[lr=0.02]", &[("lr", "0.02")], 2.5),
            ("score[lr=0.05]", &[("lr", "0.05")], 2.25),
        ];
        let mut report = run(7, stages);
        (report.seconds, report.device) = (5400.0, "cuda:0".to_owned());
        report.expectations = vec![
            expectation("score[lr=0.02].wrong[\"mine\"]", Some(true)),
            expectation("score[lr=0.05].wrong[\"mine\"]", Some(false)),
            expectation("score[lr=0.05].right", None),
            expectation("docs.kept", Some(true)),
        ];
        let mut all = Comparison::of([(&report, Notes::default())]);
        let gates: Vec<_> = all.rows.iter().map(|row| row.gates.text()).collect();
        assert_eq!(gates, ["2 passed", "1 passed, 1 failed, 1 open"]);
        assert!(all.rows.iter().all(|row| row.cost.is_none()));
        let price = |device: Option<&str>, hour| Price { device: device.map(str::to_owned), hour };
        // An hour and a half at 2, of which a third is each member's.
        all.price(&[price(Some("cud"), 9.0), price(Some("cuda"), 2.0), price(None, 1.0)]);
        assert_eq!(all.rows.iter().map(|row| row.cost).collect::<Vec<_>>(), [Some(1.0), Some(1.0)]);
        let value = all.json();
        assert_eq!(value["runs"][1]["gates"], json!({"passed": 1, "failed": 1, "open": 1}));
        assert_eq!(value["runs"][0]["cost"], json!(1.0));
    }

    #[test]
    fn members_of_a_family_are_together() {
        let report = run(
            1,
            &[
                ("base[lr=0.02]", &[("lr", "0.02"), ("width", "64")], 2.5),
                ("base[lr=0.05]", &[("lr", "0.05"), ("width", "64")], 2.25),
                ("chat", &[("lr", "0.1")], 1.0),
            ],
        );
        let (families, single) = Family::among(trainings(&report));
        assert_eq!((families.len(), single.len(), families[0].name), (1, 1, "base"));
        assert_eq!(families[0].axes, ["lr"]);
        let order: Vec<_> = families[0].members.iter().map(|one| on_axis(one.stage, "lr").unwrap()).collect();
        assert_eq!(order, ["0.05", "0.02"]);
    }
}
