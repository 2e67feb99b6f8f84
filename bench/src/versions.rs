//! The versions of the programs and packages that a result depends on.

use std::fs;
use std::path::Path;
use std::process::Command;

use local::Workspace;

use crate::peers;

/// A program or a package that a result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Rustc,
    /// The interpreter of the peers.
    Python,
    Awslambdaric,
    Boto3,
    MiniStack,
    Valgrind,
}

impl Program {
    /// Returns the name with the version; none if the program is missing.
    fn version(self) -> Option<String> {
        match self {
            Self::Rustc => first_line(Path::new("rustc"), "--version"),
            Self::Python => first_line(&peers::python(), "--version"),
            Self::Awslambdaric => pinned_in("bench/requirements.txt", "awslambdaric"),
            Self::Boto3 => pinned_in("bench/requirements.txt", "boto3"),
            Self::MiniStack => pinned_in("requirements.txt", "ministack"),
            Self::Valgrind => valgrind(),
        }
    }
}

/// Returns the versions in words, such as `rustc 1.95.0, Python 3.11.7, awslambdaric 4.2.2`. A missing program
/// is omitted.
pub fn in_words(programs: &[Program]) -> String {
    let versions = programs.iter().copied().filter_map(Program::version);
    versions.collect::<Vec<_>>().join(", ")
}

/// Returns valgrind's version if it is installed.
pub fn valgrind() -> Option<String> {
    first_line(Path::new("valgrind"), "--version")
}

fn first_line(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}

/// Returns a package with its version from a file of the checkout.
fn pinned_in(file: &str, package: &str) -> Option<String> {
    let requirements = fs::read_to_string(Workspace::root().join(file)).ok()?;
    pinned(&requirements, package)
}

/// Returns a package with its version from the text of a `requirements.txt`.
fn pinned(requirements: &str, package: &str) -> Option<String> {
    requirements
        .lines()
        .find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))
        .and_then(|rest| rest.split_whitespace().next())
        .map(|version| format!("{package} {version}"))
}

#[cfg(test)]
mod tests {
    use super::{Program, in_words, pinned};

    #[test]
    fn reads_the_version_of_exactly_that_package() {
        let requirements =
            "boto3-stubs==1.0 \\\n    --hash=sha256:0\nboto3==1.44.8 \\\n    --hash=sha256:1\n";

        assert_eq!(
            pinned(requirements, "boto3"),
            Some("boto3 1.44.8".to_owned())
        );
        assert_eq!(pinned(requirements, "botocore"), None);
    }

    #[test]
    fn words_have_only_the_given_programs_in_order() {
        let words = in_words(&[Program::MiniStack, Program::Boto3]);

        let (ministack, boto3) = words.split_once(", ").expect("two versions");
        assert!(ministack.starts_with("ministack "), "{words}");
        assert!(boto3.starts_with("boto3 "), "{words}");
        assert_eq!(in_words(&[]), "");
    }
}
