//! Runs the demo as a process, with environment variables that point to other servers.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Returns the demo's path in cargo's build folder.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let folder = test.ancestors().nth(2).expect("cargo's folder").to_owned();
    let program = folder.join("envcache-demo");
    assert!(program.exists(), "make test builds {}", program.display());
    program
}

/// Starts the demo with environment variables that it must ignore.
fn start(temporary: &TempDir) -> Child {
    Command::new(program())
        .env("TMPDIR", temporary.path())
        .env("AWS_PROFILE", "another-profile")
        .env("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")
        .env("AWS_REGION", "eu-west-1")
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("http_proxy", "http://127.0.0.1:9")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the demo starts")
}

/// Checks that nothing listens on the simulator's address, and that its folder was deleted.
fn assert_nothing_is_left(output: &str, temporary: &TempDir) {
    let (_, address) = output
        .split_once("http://")
        .expect("the simulator's address");
    let address = address.lines().next().unwrap_or_default();
    assert!(
        TcpStream::connect(address).is_err(),
        "the simulator still listens on {address}"
    );
    let left: Vec<_> = std::fs::read_dir(temporary.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().starts_with("envcache-"))
        .collect();
    assert!(left.is_empty(), "{left:?} wasn't deleted");
}

#[test]
fn publishes_and_removes_endpoint_in_any_environment() {
    let temporary = tempfile::tempdir().expect("a folder");

    let ended = start(&temporary).wait_with_output().expect("the demo ends");

    let output = String::from_utf8_lossy(&ended.stdout);
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{output}{errors}");
    let matching = output
        .lines()
        .find_map(|line| line.split_once(" match, 0 differ"))
        .and_then(|(count, _)| count.trim().parse::<u32>().ok());
    assert!(
        matching.is_some_and(|count| count > 30),
        "compared: {output}"
    );
    for line in [
        "CheckReplicationGroup",
        "/bandup/cache/url                rediss://127.0.",
        ":6379: PING, SET, and GET succeeded",
        "DeleteSecurityGroup",
        "Only the environment's network remains",
    ] {
        assert!(output.contains(line), "no line {line:?} in\n{output}");
    }
    assert_nothing_is_left(&output, &temporary);
}

#[test]
fn stops_everything_that_it_started_when_interrupted() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut demo = start(&temporary);
    let mut lines = BufReader::new(demo.stdout.take().expect("a pipe"));
    let mut output = String::new();
    while !output.contains("Deploying") {
        assert_ne!(lines.read_line(&mut output).expect("a line"), 0, "{output}");
    }

    let killed = Command::new("kill")
        .args(["-INT", &demo.id().to_string()])
        .status()
        .expect("kill runs");

    assert!(killed.success());
    let status = demo.wait().expect("the demo ends");
    lines.read_to_string(&mut output).expect("the rest");
    assert_eq!(
        status.code(),
        Some(130),
        "the exit code of Ctrl-C in a shell"
    );
    assert_nothing_is_left(&output, &temporary);
}
