//! The versions of what is compared.

use std::fs;
use std::path::Path;
use std::process::Command;

use local::Workspace;

use crate::peers;

/// Returns the versions in words, such as `rustc 1.95.0, Python 3.11.7, awslambdaric 4.2.2`. A missing program
/// is omitted.
pub fn in_words() -> String {
    let python = peers::python();
    let requirements = fs::read_to_string(Workspace::root().join("bench/requirements.txt"));
    let requirements = requirements.unwrap_or_default();
    let programs = [
        first_line(Path::new("rustc"), "--version"),
        first_line(&python, "--version"),
        pinned(&requirements, "awslambdaric"),
        pinned(&requirements, "boto3"),
        valgrind(),
    ];
    programs
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
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

/// Returns a package with its version from `requirements.txt`.
fn pinned(requirements: &str, package: &str) -> Option<String> {
    requirements
        .lines()
        .find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))
        .and_then(|rest| rest.split_whitespace().next())
        .map(|version| format!("{package} {version}"))
}

#[cfg(test)]
mod tests {
    use super::pinned;

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
}
