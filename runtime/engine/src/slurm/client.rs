//! Slurm's programs. Values reach them as arguments, never through a shell.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use llmp_stage::{Error, Result};

use super::tasks::At;

/// How often a submission is tried that Slurm was too busy for.
const TRIES: u32 = 5;

/// What a profile says behind `runtime on = slurm`.
#[derive(Clone, Debug, Default)]
pub struct SlurmOptions {
    /// `--partition`
    pub partition: Option<String>,
    /// `--account`
    pub account: Option<String>,
    /// `--qos`
    pub qos: Option<String>,
    /// `--constraint`
    pub constraint: Option<String>,
    /// `--time`, in seconds.
    pub time: Option<f64>,
    /// The most cores of a task, and what one has that takes as many as there are.
    pub cores: Option<u32>,
    /// The least memory of a task, in bytes.
    pub memory: Option<u64>,
    /// What GPUs are called in `--gres`: `gpu`, `gpu:a100`.
    pub gres: Option<String>,
    /// The most tasks of a stage at the same time.
    pub at_most: Option<u32>,
    /// Further arguments of `sbatch`.
    pub more: Vec<String>,
    /// The program, as the nodes see it.
    pub program: PathBuf,
}

impl SlurmOptions {
    /// Those that are the same for every array.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let texts = [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
            ("constraint", &self.constraint),
        ];
        let texts =
            texts.into_iter().filter_map(|(name, text)| Some(format!("--{name}={}", text.as_ref()?).into()));
        // Slurm counts in minutes, and in seconds behind a colon.
        let time = self.time.map(|seconds| {
            let seconds = seconds.ceil().max(1.0) as u64;
            format!("--time={}:{:02}", seconds / 60, seconds % 60).into()
        });
        texts.chain(time).chain(self.more.iter().map(OsString::from)).collect()
    }
}

/// What Slurm says of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskState {
    /// In Slurm's words: `RUNNING`.
    pub(super) name: String,
    /// Its node died, and it is held back for two minutes before it may begin anew.
    pub(super) held: bool,
}

impl TaskState {
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.name.as_str(), "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "CONFIGURING")
    }

    /// Whether it was stopped on purpose, for its time or for a job that goes first: it goes on from its checkpoint.
    pub(super) fn was_stopped(&self) -> bool {
        matches!(self.name.as_str(), "TIMEOUT" | "PREEMPTED")
    }

    pub(super) fn was_cancelled(&self) -> bool {
        self.name == "CANCELLED"
    }

    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.name == "OUT_OF_MEMORY"
    }

    pub(super) fn ran_out_of_time(&self) -> bool {
        matches!(self.name.as_str(), "TIMEOUT" | "DEADLINE")
    }

    /// Whether nothing comes of it any more. What Slurm may call it in later versions is taken for a life.
    pub(super) fn is_over(&self) -> bool {
        const OVER: [&str; 10] = [
            "BOOT_FAIL",
            "CANCELLED",
            "COMPLETED",
            "DEADLINE",
            "FAILED",
            "NODE_FAIL",
            "OUT_OF_MEMORY",
            "PREEMPTED",
            "REVOKED",
            "TIMEOUT",
        ];
        OVER.contains(&self.name.as_str())
    }
}

/// What the executor asks of Slurm.
pub(super) trait Client {
    /// Submits an array; gives its name.
    fn submit(&self, arguments: &[OsString]) -> Result<String>;

    /// The states of all tasks of these arrays that Slurm knows.
    fn states(&self, jobs: &[String]) -> Result<BTreeMap<At, TaskState>>;

    /// Cancels the tasks of these arrays; those that have begun go on where only those are meant that have
    /// not.
    fn cancel(&self, jobs: &[String], only_pending: bool);

    /// Lets a task that is held back begin.
    fn release(&self, job: &str, index: usize);
}

/// The programs on the PATH.
pub(super) struct Programs;

impl Programs {
    pub(super) fn check(&self, options: &SlurmOptions) -> Result<()> {
        let mut arguments = vec![OsString::from("--test-only"), "--ntasks=1".into()];
        arguments.extend(options.arguments());
        if let Some(cores) = options.cores {
            arguments.push(format!("--cpus-per-task={cores}").into());
        }
        arguments.extend(["--wrap".into(), "true".into()]);
        let output = call("sbatch", &arguments)?;
        if output.status.success() {
            return Ok(());
        }
        Err(refusal(&output))
    }
}

impl Client for Programs {
    fn submit(&self, arguments: &[OsString]) -> Result<String> {
        let mut pause = Duration::from_millis(500);
        for _ in 1..TRIES {
            let output = call("sbatch", arguments)?;
            if output.status.success() {
                return name_of(&output);
            }
            // It did not take the job, and says so; where it may have, nothing is submitted twice.
            if !said(&output).contains("temporarily unable to accept job") {
                return Err(refusal(&output));
            }
            sleep(pause);
            pause *= 2;
        }
        let output = call("sbatch", arguments)?;
        if output.status.success() { name_of(&output) } else { Err(refusal(&output)) }
    }

    fn states(&self, jobs: &[String]) -> Result<BTreeMap<At, TaskState>> {
        let mut states = BTreeMap::new();
        // One that Slurm has forgotten makes it refuse them all.
        let all = ask(&jobs.join(","))?;
        match all {
            Some(text) => read_states(&text, &mut states),
            None => {
                for job in jobs {
                    if let Some(text) = ask(job)? {
                        read_states(&text, &mut states);
                    }
                }
            }
        }
        Ok(states)
    }

    fn cancel(&self, jobs: &[String], only_pending: bool) {
        let mut arguments: Vec<OsString> = Vec::new();
        if only_pending {
            arguments.push("--state=PENDING".into());
        } else {
            // The script became the program.
            arguments.push("--full".into());
        }
        arguments.extend(jobs.iter().map(OsString::from));
        // What does not end is found out when it is asked for.
        let _ = call("scancel", &arguments);
    }

    fn release(&self, job: &str, index: usize) {
        let _ = call(
            "scontrol",
            &["update".into(), format!("jobid={job}_{index}").into(), "starttime=now".into()],
        );
    }
}

/// The states of the tasks of some arrays, line by line; `None` where Slurm does not know one of them.
fn ask(jobs: &str) -> Result<Option<String>> {
    let arguments = ["--noheader", "--array", "--states=all", "--format=%i %T %r", "--jobs", jobs];
    let output = call("squeue", &arguments.map(OsString::from))?;
    if output.status.success() {
        return Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    match said(&output) {
        text if text.contains("Invalid job id") => Ok(None),
        text => Err(Error::new(text)),
    }
}

/// Reads lines such as `17_3 RUNNING None`.
fn read_states(text: &str, states: &mut BTreeMap<At, TaskState>) {
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(id), Some(name)) = (words.next(), words.next()) else { continue };
        let at = id.split_once('_').and_then(|(job, index)| Some((job.to_owned(), index.parse().ok()?)));
        let held = name == "PENDING" && words.next() == Some("BeginTime");
        if let Some(at) = at {
            states.insert(at, TaskState { name: name.to_owned(), held });
        }
    }
}

fn call(program: &str, arguments: &[OsString]) -> Result<Output> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    output.map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            return Error::new(format!("there is no program `{program}` on this machine"))
                .help("run it where jobs are submitted to Slurm, or choose `runtime on = local`");
        }
        Error::new(format!("cannot run `{program}`")).because(error)
    })
}

/// The name of an array: `17`, or `17;cluster`.
fn name_of(output: &Output) -> Result<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let name = text.trim().split(';').next().unwrap_or_default();
    match name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Err(Error::new(format!("`sbatch` names no job: `{}`", text.trim()))),
        false => Ok(name.to_owned()),
    }
}

/// What a program said when it failed, without its name before.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let bare =
        |line: &'_ str| line.rsplit_once("error: ").map_or(line.to_owned(), |(_, said)| said.to_owned());
    let lines: Vec<String> = text.lines().map(bare).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

/// What Slurm has against a job, and what to do.
fn refusal(output: &Output) -> Error {
    let said = said(output);
    let help = [
        (
            "artition",
            "`sinfo` lists the partitions; the profile names one: `runtime on = slurm { partition = \"…\" }`",
        ),
        ("ccount", "`sacctmgr show associations` lists your accounts; the profile names one"),
        (
            "node configuration",
            "no node has as many cores, as much memory or as many GPUs: `sinfo -N -l` lists them",
        ),
        ("ime limit", "the partition allows less time: `sinfo` tells how much"),
        ("nable to contact", "is the cluster's controller up? `scontrol ping` tells"),
        ("onfiguration", "is this a machine of the cluster? `sinfo` tells"),
    ];
    let help = help.iter().find(|(part, _)| said.contains(part)).map(|(_, help)| *help);
    Error::new(format!("Slurm does not take the job: {said}")).help_if(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_line_by_line() {
        let mut states = BTreeMap::new();
        let text = "17_0 RUNNING None\n17_1 PENDING BeginTime\n18_5 OUT_OF_MEMORY NonZeroExitCode\n19 RUNNING None\n\n";
        read_states(text, &mut states);
        let name = |job: &str, index| states.get(&(job.to_owned(), index)).map(|state| state.name.as_str());
        assert_eq!((name("17", 0), name("18", 5), states.len()), (Some("RUNNING"), Some("OUT_OF_MEMORY"), 3));
        let held = &states[&("17".to_owned(), 1)];
        assert!(held.held && held.is_pending() && !held.is_over() && states[&("18".to_owned(), 5)].is_over());
    }

    #[test]
    fn options_become_arguments() {
        let options = SlurmOptions {
            partition: Some("gpu long".into()),
            time: Some(3_661.0),
            more: vec!["--exclusive".into()],
            ..SlurmOptions::default()
        };
        assert_eq!(
            options.arguments(),
            ["--partition=gpu long", "--time=61:01", "--exclusive"].map(OsString::from)
        );
    }
}
