//! Slurm's daemons, with configuration, keys, ports and state in a folder of their own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    nodes: usize,
}

/// A program that ends well; what it prints.
fn call(program: &str, arguments: &[&str], config: &Path) -> Option<String> {
    let output =
        Command::new(program).args(arguments).env("SLURM_CONF", config).stdin(Stdio::null()).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .map(|it| String::from_utf8_lossy(&it.stdout).into_owned())
}

/// A port that nobody listens at.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Cluster {
    /// Starts it; `None`, with a line that says so, where it cannot be.
    pub(crate) fn start(nodes: usize) -> Option<Self> {
        let there = |program: &str| Command::new(program).arg("-V").output().is_ok();
        let root = Command::new("id").arg("-u").output().is_ok_and(|it| it.stdout == b"0\n");
        if !["slurmctld", "slurmd", "munged", "sbatch"].into_iter().all(there) || !root {
            eprintln!(
                "skipped: no cluster can be started, it takes Slurm (Debian: slurm-wlm munge) and root"
            );
            return None;
        }
        let cluster = Self { folder: tempfile::tempdir().unwrap(), nodes };
        // Its daemons' sockets are for all users.
        fs::set_permissions(cluster.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        cluster.configure();
        cluster.start_daemons();
        let until = Instant::now() + Duration::from_secs(60);
        while cluster.idle_nodes() < nodes {
            if Instant::now() > until {
                eprintln!("skipped: the cluster's nodes do not come up");
                return None;
            }
            sleep(Duration::from_millis(100));
        }
        Some(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("slurm.conf")
    }

    fn configure(&self) {
        let root = self.folder.path().display();
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let host = host.trim().split('.').next().unwrap().to_owned();
        for folder in ["munge", "state", "log"] {
            fs::create_dir(self.path(folder)).unwrap();
        }
        fs::set_permissions(self.path("munge"), fs::Permissions::from_mode(0o711)).unwrap();
        let key: Vec<u8> = (0..128_u32).map(|at| blake3::hash(&[at as u8, 7]).as_bytes()[0]).collect();
        fs::write(self.path("munge/key"), key).unwrap();
        fs::set_permissions(self.path("munge/key"), fs::Permissions::from_mode(0o600)).unwrap();
        let mut text = format!(
            "ClusterName=llmp\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nSlurmUser=root\nSlurmdUser=root\n\
             AuthType=auth/munge\nAuthInfo=socket={root}/munge/socket\nCredType=cred/munge\nStateSaveLocation={root}/state\n\
             SlurmdSpoolDir={root}/spool.%n\nSlurmctldPidFile={root}/slurmctld.pid\nSlurmdPidFile={root}/slurmd.%n.pid\n\
             SlurmctldLogFile={root}/log/slurmctld\nSlurmdLogFile={root}/log/slurmd.%n\nProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\nJobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nSchedulerType=sched/backfill\n\
             SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0\n\
             ReturnToService=2\nSlurmdTimeout=10\nKillWait=3\nBatchStartTimeout=10\nSlurmdParameters=config_overrides\n\
             MpiDefault=none\nJobRequeue=1\n",
            port()
        );
        for node in 1..=self.nodes {
            fs::create_dir(self.path(&format!("spool.node{node}"))).unwrap();
            text.push_str(&format!(
                "NodeName=node{node} NodeHostname={host} NodeAddr=127.0.0.1 Port={} CPUs=2 RealMemory=4000 State=UNKNOWN\n",
                port()
            ));
        }
        text.push_str(&format!("PartitionName=main Nodes=node[1-{}] Default=YES State=UP\n", self.nodes));
        fs::write(self.config(), text).unwrap();
    }

    fn start_daemons(&self) {
        let file = |name: &str| self.path(name).display().to_string();
        let (key, socket) =
            (format!("--key-file={}", file("munge/key")), format!("--socket={}", file("munge/socket")));
        let (pid, log) =
            (format!("--pid-file={}", file("munge/pid")), format!("--log-file={}", file("munge/log")));
        let seed = format!("--seed-file={}", file("munge/seed"));
        call("munged", &["--force", &key, &socket, &pid, &log, &seed], &self.config());
        call("slurmctld", &["-f", &file("slurm.conf"), "-c"], &self.config());
        self.start_nodes();
    }

    pub(crate) fn start_nodes(&self) {
        for node in 1..=self.nodes {
            if !self.lives(&format!("slurmd.node{node}.pid")) {
                let config = self.config().display().to_string();
                call("slurmd", &["-N", &format!("node{node}"), "-f", &config], &self.config());
            }
        }
    }

    fn pid(&self, file: &str) -> Option<u32> {
        fs::read_to_string(self.path(file)).ok()?.trim().parse().ok()
    }

    fn lives(&self, file: &str) -> bool {
        self.pid(file).is_some_and(|pid| Path::new(&format!("/proc/{pid}/cmdline")).exists())
    }

    fn idle_nodes(&self) -> usize {
        let states =
            call("sinfo", &["--noheader", "--Node", "--format=%t"], &self.config()).unwrap_or_default();
        states.lines().filter(|state| state.trim() == "idle").count()
    }

    /// The tasks that wait or run.
    pub(crate) fn queue(&self) -> String {
        call("squeue", &["--noheader", "--array"], &self.config()).unwrap_or_default()
    }

    /// How many these are.
    pub(crate) fn jobs(&self) -> usize {
        self.queue().lines().count()
    }

    /// Kills one of the programs that work in this folder's store; how many that were.
    pub(crate) fn kill_a_worker(&self, folder: &Path) -> usize {
        let folder = folder.display().to_string();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            if command.contains("llmp worker ") && command.contains(&folder) {
                let pid = entry.file_name().to_string_lossy().into_owned();
                return usize::from(call("kill", &["-KILL", &pid], &self.config()).is_some());
            }
        }
        0
    }

    pub(crate) fn restart_controller(&self) {
        if let Some(pid) = self.pid("slurmctld.pid") {
            call("kill", &["-KILL", &pid.to_string()], &self.config());
        }
        sleep(Duration::from_secs(1));
        call("slurmctld", &["-f", &self.config().display().to_string()], &self.config());
    }

    /// Ends everything of a node at once: its daemon, what watches its tasks, and these.
    pub(crate) fn cut_node(&self, node: usize) {
        let name = format!("SLURMD_NODENAME=node{node}");
        let mut victims: Vec<String> =
            self.pid(&format!("slurmd.node{node}.pid")).iter().map(u32::to_string).collect();
        let mut tasks = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|byte| *byte == 0).any(|it| it == name.as_bytes()) {
                let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
                let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
                if let Some(parent) = parent.map(str::trim) {
                    let watcher = fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
                    victims.extend(watcher.starts_with("slurmstepd").then(|| parent.to_owned()));
                }
                tasks.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        for pid in victims.into_iter().chain(tasks) {
            call("kill", &["-KILL", &pid], &self.config());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        call("scancel", &["--user=root", "--full"], &self.config());
        let files = (1..=self.nodes).map(|node| format!("slurmd.node{node}.pid"));
        for file in files.chain(["slurmctld.pid".to_owned(), "munge/pid".to_owned()]) {
            if let Some(pid) = self.pid(&file) {
                call("kill", &["-KILL", &pid.to_string()], &self.config());
            }
        }
        sleep(Duration::from_millis(300));
    }
}
