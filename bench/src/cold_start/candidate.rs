//! The programs that are compared.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use local::Workspace;

use super::step::Step;
use crate::peers;

/// What a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A handler on `lambda_runtime` that does nothing.
    Empty,
    /// A function of envcache.
    Function,
    /// The same step in Python, with boto3 on awslambdaric.
    Peer,
}

/// A program that answers an invocation.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it is.
    pub kind: Kind,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// The invocation.
    pub step: Step,
}

impl Candidate {
    /// Returns a program without arguments.
    pub fn program(kind: Kind, program: &Path, step: &Step) -> Self {
        Self {
            kind,
            command: vec![program.into()],
            folder: Workspace::root(),
            step: step.clone(),
        }
    }

    fn peer(python: &Path, step: &Step) -> Self {
        let handler = format!("{}.handler", step.name.replace('-', "_"));
        Self {
            kind: Kind::Peer,
            command: vec![
                python.into(),
                "-m".into(),
                "awslambdaric".into(),
                handler.into(),
            ],
            folder: Workspace::root().join("bench/peers/steps"),
            step: step.clone(),
        }
    }
}

/// Returns the file that `cargo lambda build` writes for a program.
pub fn bootstrap(program: &str) -> PathBuf {
    Workspace::root()
        .join("target/lambda")
        .join(program)
        .join("bootstrap")
}

/// Returns the empty handler, all functions, and the peers of those that call AWS.
///
/// # Errors
/// Returns an error that names the missing program if one isn't built.
pub fn all(steps: &[Step]) -> Result<Vec<Candidate>> {
    let python = peers::python();
    let mut candidates = Vec::new();
    // It ignores the event, so any step without calls does.
    let without_calls = steps.iter().find(|step| step.name == "resolve-removal");
    let empty = without_calls.map(|step| (Kind::Empty, "empty-handler", step));
    let functions = steps
        .iter()
        .map(|step| (Kind::Function, step.name.as_str(), step));
    for (kind, name, step) in empty.into_iter().chain(functions) {
        let program = bootstrap(name);
        ensure!(
            program.is_file(),
            "`{}` isn't built. Run `make bench`",
            program.display()
        );
        candidates.push(Candidate::program(kind, &program, step));
    }
    ensure!(
        python.is_file(),
        "`{}` is missing. Run `make bench`",
        python.display()
    );
    let called = steps.iter().filter(|step| !step.answers.is_empty());
    candidates.extend(called.map(|step| Candidate::peer(&python, step)));
    Ok(candidates)
}
