//! The demo as a person runs it: as a process, with whatever stands in their environment.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The demo, beside this test among what cargo built.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let folder = test.ancestors().nth(2).expect("cargo's folder").to_owned();
    let program = folder.join("envcache-demo");
    assert!(program.exists(), "make test builds {}", program.display());
    program
}

/// Starts it in an environment that points elsewhere: nothing there may be followed.
fn start(temporary: &TempDir) -> Child {
    Command::new(program())
        .env("TMPDIR", temporary.path())
        .env("AWS_PROFILE", "somebody-elses")
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

/// Nothing listens on the cloud's address any more, and its folder is gone.
fn assert_nothing_is_left(output: &str, temporary: &TempDir) {
    let (_, address) = output.split_once("http://").expect("the cloud's address");
    let address = address.lines().next().unwrap_or_default();
    assert!(
        TcpStream::connect(address).is_err(),
        "MiniStack still listens on {address}"
    );
    let left: Vec<_> = std::fs::read_dir(temporary.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().starts_with("envcache-"))
        .collect();
    assert!(left.is_empty(), "{left:?} is left");
}

#[test]
fn it_publishes_an_endpoint_whatever_the_environment_and_leaves_nothing() {
    let temporary = tempfile::tempdir().expect("a folder");

    let ended = start(&temporary).wait_with_output().expect("it ends");

    let output = String::from_utf8_lossy(&ended.stdout);
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{output}{errors}");
    for line in [
        "CheckReplicationGroup",
        "36 as asked for, 0 not",
        "/bandup/cache/url                rediss://127.0.",
        ":6379 answers as a cache does",
        "DeleteSecurityGroup",
        "Nothing is left of it but its network",
    ] {
        assert!(output.contains(line), "no line {line:?} in\n{output}");
    }
    assert_nothing_is_left(&output, &temporary);
}

#[test]
fn it_ends_all_that_it_started_when_it_is_interrupted() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut demo = start(&temporary);
    let mut lines = BufReader::new(demo.stdout.take().expect("a pipe"));
    let mut output = String::new();
    while !output.contains("Deploying") {
        assert_ne!(lines.read_line(&mut output).expect("a line"), 0, "{output}");
    }

    let asked = Command::new("kill")
        .args(["-INT", &demo.id().to_string()])
        .status()
        .expect("kill runs");

    assert!(asked.success());
    let status = demo.wait().expect("it ends");
    lines.read_to_string(&mut output).expect("the rest");
    assert_eq!(status.code(), Some(130), "as a shell ends on Ctrl-C");
    assert_nothing_is_left(&output, &temporary);
}
