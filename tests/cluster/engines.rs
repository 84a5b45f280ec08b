//! The scripts for Slurm, Open MPI and GNU parallel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::support::{
    Server, alone, are_installed, command, count, ended, exits, finish, folder_of_run,
    is_incomplete, is_whole, patiently, result, scenario, shard_with, shipped, start, until,
    was_sent_once,
};

const SLURM: [(&str, &str); 3] = [
    ("slurmctld", "slurmctld"),
    ("slurmd", "slurmd"),
    ("srun", "slurm-client"),
];
/// How far away the start is: long enough for a busy machine to launch the shards.
const START_IN: (&str, &str) = ("START_IN", "8 seconds");

/// A Slurm of four pretended nodes; stopped on drop.
struct Slurm {
    folder: PathBuf,
}

impl Slurm {
    fn start(folder: &Path) -> Self {
        let slurm = Self {
            folder: folder.join("slurm"),
        };
        exits(&finish(slurm.manage("start").arg("4")), 0);
        slurm
    }

    fn manage(&self, what: &str) -> Command {
        let mut command = command(shipped("tests/cluster/slurm.sh"), Path::new("/"));
        command.arg(what).arg(&self.folder);
        command
    }

    fn client(&self, program: &str, folder: &Path) -> Command {
        let mut command = command(program, folder);
        command.env("SLURM_CONF", self.folder.join("slurm.conf"));
        command
    }

    /// Submits the script as a user would; returns the job's number.
    fn submit(&self, folder: &Path, scenario: &Path) -> String {
        let mut sbatch = self.client("sbatch", folder);
        let script = shipped("scenarios/cluster/slurm.sbatch");
        sbatch.args(["--parsable", "--nodes=4"]).arg(script);
        let output = finish(sbatch.arg(scenario).env(START_IN.0, START_IN.1));
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(
            said.parse::<u32>().is_ok(),
            "{said}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// Returns the exit code of a job when it has ended, and its log.
    fn ended(&self, folder: &Path, job: &str) -> (String, String) {
        let mut shown = String::new();
        until("the job ends", || {
            let mut scontrol = self.client("scontrol", folder);
            let output = finish(scontrol.args(["show", "job", "--oneliner", job]));
            shown = String::from_utf8_lossy(&output.stdout).into_owned();
            !["PENDING", "CONFIGURING", "RUNNING", "COMPLETING"]
                .iter()
                .any(|state| shown.contains(&format!("JobState={state}")))
        });
        let (_, rest) = shown.split_once(" ExitCode=").expect("it has a code");
        let code = rest.split(':').next().expect("a number").to_owned();
        let log = fs::read_to_string(folder.join(format!("loadgen-{job}.log")));
        (code, log.unwrap_or_default())
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let _ = self.manage("stop").output();
    }
}

/// Waits until a shard has begun to send.
fn has_begun(server: &Server) {
    until("the load begins", || server.seen() > 50);
}

#[test]
fn four_shards_under_slurm_send_what_was_planned() {
    if !are_installed(&SLURM) {
        return;
    }
    let _alone = alone();
    patiently(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let slurm = Slurm::start(folder);
        let server = Server::start();
        let job = slurm.submit(folder, &scenario(folder, &server, "3s"));
        let (code, log) = slurm.ended(folder, &job);
        assert_eq!(code, "0", "{log}");
        let run = folder_of_run(folder);
        let merged = result(&run.join("report"));
        is_whole(&merged, 4);
        was_sent_once(&merged, &server);
        assert!(run.join("report/index.html").is_file());
        assert!(!run.join("values").exists(), "they may be secrets");
    });
}

#[test]
fn a_shard_that_is_killed_under_slurm_is_missed() {
    is_missed(|_, folder| {
        let victim = shard_with(folder, "SLURM_PROCID=2").expect("it runs");
        kill_process(victim, Signal::KILL).expect("it runs");
    });
}

#[test]
fn a_node_that_is_lost_is_missed() {
    is_missed(|slurm, _| {
        exits(&finish(slurm.manage("lose").arg("n3")), 0);
    });
}

/// Runs a job of which a shard is lost once the load has begun, and checks that it ends within a
/// minute and says so.
fn is_missed(lose: impl FnOnce(&Slurm, &Path)) {
    if !are_installed(&SLURM) {
        return;
    }
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let slurm = Slurm::start(folder);
    let server = Server::start();
    let job = slurm.submit(folder, &scenario(folder, &server, "60s"));
    has_begun(&server);
    lose(&slurm, folder);
    let begun = Instant::now();
    let (code, log) = slurm.ended(folder, &job);
    assert!(begun.elapsed() < Duration::from_secs(60), "{log}");
    assert_eq!(code, "3", "{log}");
    assert!(log.contains("3 of 4"), "{log}");
    let report = folder_of_run(folder).join("report");
    is_incomplete(&result(&report), 4);
    let page = fs::read_to_string(report.join("index.html")).expect("a page");
    assert!(page.contains("3 of 4"), "the page does not say so");
}

#[test]
fn four_processes_of_mpirun_send_what_was_planned() {
    if !are_installed(&[("mpirun", "openmpi-bin")]) {
        return;
    }
    let _alone = alone();
    patiently(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let server = Server::start();
        let mut script = command(shipped("scenarios/cluster/mpi.sh"), folder);
        script.arg(scenario(folder, &server, "3s"));
        // Containers run tests as root, and have fewer processors than this.
        let root = ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"];
        script
            .args(["-np", "4", "--oversubscribe"])
            .envs(root.map(|name| (name, "1")))
            .env(START_IN.0, START_IN.1);
        exits(&finish(&mut script), 0);
        let report = folder_of_run(folder).join("report");
        let merged = result(&report);
        is_whole(&merged, 4);
        was_sent_once(&merged, &server);
    });
}

/// Three machines that ssh reaches.
struct Machines {
    folder: PathBuf,
}

impl Machines {
    const NAMES: [&str; 3] = ["one", "two", "three"];

    fn create(folder: &Path) -> Self {
        let machines = Self {
            folder: folder.join("machines"),
        };
        let mut make = command(shipped("tests/cluster/machines.sh"), folder);
        exits(&finish(make.arg(&machines.folder).args(Self::NAMES)), 0);
        machines
    }

    /// Returns the script, as a user would start it in a folder.
    fn script(&self, folder: &Path, scenario: &Path) -> Command {
        let mut script = command(shipped("scenarios/cluster/parallel.sh"), folder);
        script
            .arg(scenario)
            .arg(self.folder.join("hosts"))
            .env("PARALLEL_SSH", self.folder.join("ssh"))
            // Where GNU parallel keeps what it knows of itself.
            .env("HOME", folder)
            .env("URL", "")
            .env(START_IN.0, "25 seconds");
        script
    }

    /// Checks that nothing of a run was left on a machine.
    fn are_clean(&self) {
        for name in Self::NAMES {
            let entries = fs::read_dir(self.folder.join(name)).expect("a home");
            for entry in entries {
                let left = entry.expect("an entry").file_name();
                assert!(!left.to_string_lossy().starts_with("loadgen-"), "{name}");
            }
        }
    }
}

const PARALLEL: [(&str, &str); 3] = [
    ("parallel", "parallel"),
    ("rsync", "rsync"),
    ("sshd", "openssh-server"),
];

#[test]
fn gnu_parallel_over_ssh_sends_what_was_planned() {
    if !are_installed(&PARALLEL) {
        return;
    }
    let _alone = alone();
    patiently(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let machines = Machines::create(folder);
        let server = Server::start();
        let file = scenario(folder, &server, "3s");
        exits(&finish(&mut machines.script(folder, &file)), 0);
        let report = folder_of_run(folder).join("report");
        let merged = result(&report);
        is_whole(&merged, 3);
        was_sent_once(&merged, &server);
        machines.are_clean();
    });
}

#[test]
fn a_shard_that_is_killed_under_gnu_parallel_is_missed() {
    if !are_installed(&PARALLEL) {
        return;
    }
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let machines = Machines::create(folder);
    let server = Server::start();
    let file = scenario(folder, &server, "60s");
    let running = start(&mut machines.script(folder, &file));
    has_begun(&server);
    let home = format!("HOME={}", machines.folder.join("two").display());
    let run = folder_of_run(folder);
    let name = Path::new(run.file_name().expect("a name"));
    let victim = shard_with(name, &home).expect("it runs");
    kill_process(victim, Signal::KILL).expect("it runs");
    let said = exits(&ended(running), 3);
    assert!(said.contains("2 of 3"), "{said}");
    let merged = result(&run.join("report"));
    is_incomplete(&merged, 3);
    assert!(count(&merged, "ok") > 0);
    machines.are_clean();
}
