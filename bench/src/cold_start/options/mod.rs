//! Compares build options: builds representative functions with each option that differs from today's, and measures them in
//! turn.
//!
//! An option is a setting of the release profile, which cargo reads from the environment, or a change of the code. A change
//! is made in a copy of the checkout. Each option compiles the SDK again, so the arguments can name the options to build and
//! the functions to build with them. A program that was built from the same code is used again.
//!
//! `builds` lists the options; `table` writes the results.

mod builds;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use local::Workspace;

use self::builds::{BUILDS, Build, Edit, TODAY};
use self::table::Built;
use super::candidate::{Candidate, Kind};
use super::measure;
use super::package::Package;
use super::run::Runner;
use super::step::Step;
use super::tls::Tls;
use crate::report::Section;
use crate::versions::Program;

/// The functions that can be built: the one that runs most often, one with the SDK of DynamoDB, the one with the largest SDK
/// crate, and the one with the smallest.
const FUNCTIONS: [&str; 4] = [
    "check-replication-group",
    "claim-environment",
    "resolve-network",
    "start-workflow",
];
/// The functions that are built if none is named. They don't depend on `aws-sdk-ec2`, which takes longer to compile than all
/// other crates together.
const DEFAULT_FUNCTIONS: [&str; 2] = ["claim-environment", "start-workflow"];
/// The code that the functions are built from.
const SOURCES: [&str; 5] = [
    "HEAD:Cargo.lock",
    "HEAD:Cargo.toml",
    "HEAD:functions",
    "HEAD:rust-toolchain.toml",
    "HEAD:shared",
];

/// Returns whether a build or a function has this name.
pub fn is_selectable(name: &str) -> bool {
    BUILDS.iter().any(|build| build.name == name) || FUNCTIONS.contains(&name)
}

/// The builds and the functions of a run.
struct Selection {
    builds: Vec<&'static Build>,
    functions: Vec<&'static str>,
}

impl Selection {
    /// Returns the builds and the functions with these names. Without a name of a build, it has all builds, and without one
    /// of a function, the default functions. It always has today's build.
    fn of(names: &[String]) -> Self {
        let is_named = |name: &str| names.iter().any(|named| named == name);
        let names_build = BUILDS.iter().any(|build| is_named(build.name));
        let names_function = FUNCTIONS.iter().any(|&function| is_named(function));
        Self {
            builds: BUILDS
                .iter()
                .filter(|build| !names_build || build.name == TODAY || is_named(build.name))
                .collect(),
            functions: FUNCTIONS
                .into_iter()
                .filter(|&function| {
                    if names_function {
                        is_named(function)
                    } else {
                        DEFAULT_FUNCTIONS.contains(&function)
                    }
                })
                .collect(),
        }
    }
}

/// Builds the functions with each option that the arguments name, measures them, and returns the section of the results page.
///
/// # Errors
/// Returns an error if a build or a function fails.
pub fn run() -> Result<Section> {
    let names: Vec<_> = std::env::args().skip(1).collect();
    let Selection { builds, functions } = Selection::of(&names);
    let runner = Runner::create()?;
    let steps = Step::read_all()?;
    let sources = sources()?;
    let mut candidates = Vec::new();
    for build in &builds {
        let folder = make(build, &functions, &sources, runner.tls())
            .with_context(|| build.name.to_owned())?;
        for step in steps
            .iter()
            .filter(|step| functions.contains(&step.name.as_str()))
        {
            let program = folder.join(&step.name);
            candidates.push(Candidate::program(Kind::Function, &program, step));
        }
    }
    let packages = candidates
        .iter()
        .map(|candidate| Package::of(Path::new(&candidate.command[0])))
        .collect::<Result<Vec<_>>>()?;
    let measured = measure(&runner, &candidates)?;
    let all: Vec<_> = builds
        .iter()
        .flat_map(|build| std::iter::repeat_n(*build, functions.len()))
        .zip(packages)
        .zip(measured)
        .map(|((build, package), measured)| Built {
            build,
            package,
            measured,
        })
        .collect();
    let manifest = fs::read_to_string(Workspace::root().join("Cargo.toml"))?;
    let text = format!(
        "Each function is built by cargo for this machine with one difference at a time. Today's release profile has {}. \
         For AWS, cargo-lambda builds with the same profile for another target CPU. Packages and memory in MiB, times in ms, \
         instructions in millions over HTTPS. The init phase is the part of the time before the function asks for an \
         event.\n\n{}",
        release_profile(&manifest),
        table::write(&functions, &all)
    );
    Ok(Section {
        marker: "options",
        programs: &[Program::Rustc, Program::Valgrind],
        text,
    })
}

/// Returns the settings of the release profile in a manifest, in Markdown.
fn release_profile(manifest: &str) -> String {
    let settings: Vec<_> = manifest
        .lines()
        .skip_while(|line| *line != "[profile.release]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("`{line}`"))
        .collect();
    settings.join(", ")
}

/// Returns the versions of `SOURCES` that are checked out. They stay the same if a commit changes only other files.
fn sources() -> Result<String> {
    let output = Command::new("git")
        .arg("rev-parse")
        .args(SOURCES)
        .current_dir(Workspace::root())
        .output()
        .context("git")?;
    ensure!(
        output.status.success(),
        "git: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the functions in a copy of the checkout, except those that were already built from the same code. Returns the
/// folder with the programs.
fn make(build: &Build, functions: &[&str], sources: &str, tls: &Tls) -> Result<PathBuf> {
    let options = Workspace::root().join("target/options");
    let folder = options.join(build.name);
    let built_from = format!("{sources}{:?}\n{:?}\n", build.environment, build.edits);
    let marker = |function: &str| folder.join(format!("{function}.built-from"));
    let is_built = |function: &str| {
        fs::read_to_string(marker(function)).is_ok_and(|earlier| earlier == built_from)
    };
    let missing: Vec<_> = functions
        .iter()
        .copied()
        .filter(|&function| !is_built(function))
        .collect();
    if missing.is_empty() {
        return Ok(folder);
    }
    eprintln!("building {}: {}", build.name, missing.join(", "));
    let begin = Instant::now();
    let source = options.join("source");
    check_out(&source, build.edits)?;
    let target = options.join("build");
    let [bundle, authority] =
        [tls.bundle(), tls.authority()].map(|path| path.display().to_string());
    let environment = build.environment.iter().map(|(name, value)| {
        let value = value
            .replace("{bundle}", &bundle)
            .replace("{authority}", &authority);
        (*name, value)
    });
    // Without `--locked`, because an edit may add dependencies.
    execute(
        Command::new("cargo")
            .args(["build", "--release", "--target-dir"])
            .arg(&target)
            .args(missing.iter().flat_map(|function| ["--bin", *function]))
            .envs(environment)
            .current_dir(&source),
    )?;
    fs::create_dir_all(&folder)?;
    for function in missing {
        fs::copy(target.join("release").join(function), folder.join(function))?;
        fs::write(marker(function), &built_from)?;
    }
    eprintln!("built {} in {} s", build.name, begin.elapsed().as_secs());
    Ok(folder)
}

/// Copies the checkout to a folder, and changes the copy.
fn check_out(source: &Path, edits: &[Edit]) -> Result<()> {
    // Without the edits of an earlier option, and without files of an earlier commit.
    if source.exists() {
        fs::remove_dir_all(source)?;
    }
    let prefix = format!("--prefix={}/", source.display());
    execute(
        Command::new("git")
            .args(["checkout-index", "--all", "--force", &prefix])
            .current_dir(Workspace::root()),
    )?;
    for edit in edits {
        let path = source.join(edit.file);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, edit.apply(&text)?)?;
    }
    Ok(())
}

fn execute(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| program.clone())?;
    ensure!(status.success(), "`{program}` failed: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BUILDS, Selection, is_selectable, release_profile};

    #[test]
    fn arguments_select_builds_and_functions() {
        let default = &["claim-environment", "start-workflow"];
        let cases: [([&str; 2], usize, &[&str]); 5] = [
            (["options", "options"], BUILDS.len(), default),
            (["options", "lto-off"], 2, default),
            (["options", "today"], 1, default),
            (
                ["options", "resolve-network"],
                BUILDS.len(),
                &["resolve-network"],
            ),
            (["lto-thin", "start-workflow"], 2, &["start-workflow"]),
        ];
        for (names, builds, functions) in cases {
            let found = Selection::of(&names.map(str::to_owned));

            assert_eq!(found.builds.len(), builds, "{names:?}");
            assert_eq!(found.functions, functions, "{names:?}");
        }
        assert!(is_selectable("lto-off") && is_selectable("resolve-network"));
        assert!(!is_selectable("options"));
    }

    #[test]
    fn reads_the_settings_of_the_release_profile() {
        let manifest = "[profile.dev]\ndebug = false\n\n[profile.release]\nlto = \"fat\"\n# A reason.\nstrip = true\n\n\
                        [profile.x]\ndebug = true\n";

        assert_eq!(release_profile(manifest), "`lto = \"fat\"`, `strip = true`");
    }
}
