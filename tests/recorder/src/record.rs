//! Makes recordings: builds the programs, enters a network of its own, and plays the scenarios.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use anyhow::{Context, Result, ensure};

use crate::cluster;
use crate::recording::Recording;
use crate::scenarios::{self, Scenario};
use crate::stage::Stage;
use crate::story;
use crate::tools;

/// The environment variable that is set inside the namespace.
const INSIDE: &str = "RECORDER_IS_IN_ITS_OWN_NETWORK";

/// Records the scenarios with these names into `folder`. Without names, records all that a page
/// plays.
pub fn record(names: &[String], folder: &Path) -> Result<()> {
    for name in names {
        ensure!(names_of_all().any(|known| known == name), "there is no scenario {name:?}");
    }
    if env::var_os(INSIDE).is_none() {
        let missing = tools::missing();
        ensure!(missing.is_empty(), "cannot record without {}", missing.join(", "));
        build()?;
        exit(in_a_network_of_its_own()?);
    }
    run("ip", &["link", "set", "lo", "up"])?;
    // `localhost` stands for one address on some systems, but for two on others.
    let hosts = target().join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost\n")?;
    run("mount", &["--bind", &hosts.to_string_lossy(), "/etc/hosts"])?;
    fs::create_dir_all(folder)?;
    let played = played()?;
    let wanted = if names.is_empty() { &played } else { names };
    for name in names_of_all().filter(|name| wanted.iter().any(|other| other == name)) {
        let recording = play(name).with_context(|| format!("cannot record {name}"))?;
        fs::write(folder.join(name).with_extension("js"), recording.to_script(name))?;
        if let Some(text) = recording.as_text() {
            fs::write(folder.join(name).with_extension("txt"), text)?;
        }
        println!("{name}");
    }
    Ok(())
}

/// Returns the names of all scenarios.
pub fn names_of_all() -> impl Iterator<Item = &'static str> {
    let clusters = cluster::ALL.iter().map(|scenario| scenario.name);
    scenarios::ALL.iter().map(|scenario| scenario.name).chain(clusters)
}

/// Returns the names of all recordings that the pages of the book play.
fn played() -> Result<Vec<String>> {
    let mut played = Vec::new();
    for page in fs::read_dir(harness::repository().join("book/src"))?.flatten() {
        let text = fs::read_to_string(page.path()).unwrap_or_default(); // a folder has none
        let figures = text.split("<figure class=\"player\" data-recording=\"").skip(1);
        played.extend(figures.filter_map(|figure| Some(figure.split_once('"')?.0.to_string())));
    }
    Ok(played)
}

fn play(name: &str) -> Result<Recording> {
    let traces = target().join("traces").join(name);
    let programs = target().join("debug");
    let made_by = format!("cargo run -p recorder -- {name}");
    let recording = match cluster::ALL.iter().find(|scenario| scenario.name == name) {
        Some(scenario) => cluster::recording(scenario, &traces, &programs, &made_by),
        None => {
            let scenario = scenarios::ALL.iter().find(|scenario| scenario.name == name);
            play_on_stage(scenario.context("it is unknown")?, &traces, &programs, &made_by)
        }
    };
    recording.with_context(|| format!("its traces are in {}", traces.display()))
}

fn play_on_stage(
    scenario: &Scenario,
    traces: &Path,
    programs: &Path,
    made_by: &str,
) -> Result<Recording> {
    let mut stage = Stage::new(traces, programs)?;
    (scenario.play)(&mut stage)?;
    story::recording(&stage.end()?, made_by, scenario.about)
}

/// Builds the lessons as everybody does, except for one thing: frame pointers, with which strace
/// finds its way from a system call to the line of main.rs that led to it.
fn build() -> Result<()> {
    let mut packages: Vec<&str> =
        scenarios::ALL.iter().flat_map(|scenario| scenario.packages).copied().collect();
    packages.extend(cluster::ALL.iter().map(|scenario| scenario.package));
    packages.sort_unstable();
    packages.dedup();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(harness::repository()).args(["build", "-q", "--locked", "--target-dir"]);
    cargo.arg(target()).env("RUSTFLAGS", "-C force-frame-pointers=yes");
    for package in packages {
        cargo.args(["-p", package]);
    }
    cargo.args(["--bins", "--example", "no_delay"]);
    ensure!(cargo.status().context("cannot run cargo")?.success(), "cannot build the lessons");
    Ok(())
}

/// Runs this command again inside a network namespace, with `unshare`. A user who is not root
/// becomes root there. Returns its exit status.
fn in_a_network_of_its_own() -> Result<i32> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount"]);
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    });
    if !is_root {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare.arg("--").arg(env::current_exe()?).args(env::args_os().skip(1)).env(INSIDE, "1");
    let status = unshare.status().context("cannot run unshare")?;
    Ok(status.code().unwrap_or(1))
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program).args(arguments).status();
    let status = status.with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} {} fails", arguments.join(" "));
    Ok(())
}

/// Returns the folder in which the programs are built and the traces are written.
fn target() -> PathBuf {
    harness::repository().join("target/recorder")
}
