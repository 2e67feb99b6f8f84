//! The functions that are built for AWS, deployed in the simulator: those of the archive of `make release`, by the commands
//! of its README, and those of `make build`.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use local::{Aws, Cloud, Interrupt, Settings, Stack, Workspace, network, reference};
use serde_json::{Value, json};

/// All programs that the commands may use: no cargo, and no compiler.
const PROGRAMS: [&str; 2] = ["sh", "sha256sum"];

/// Returns the README's shell commands, block by block.
fn command_blocks(readme: &str) -> Vec<&str> {
    readme
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

/// Unpacks the archive and returns its folder.
fn unpack(into: &Path) -> PathBuf {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let name = format!("envcache-{}-{architecture}", env!("CARGO_PKG_VERSION"));
    let archive = Workspace::root().join(format!("target/release-archive/{name}.tar.gz"));
    let status = Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(into)
        .status()
        .expect("tar runs");
    assert!(
        status.success(),
        "{}: run `make release`",
        archive.display()
    );
    into.join(name)
}

/// Creates a folder with only the SAM CLI and the programs that the commands may use.
fn programs(folder: &Path, workspace: &Workspace) -> PathBuf {
    let programs = folder.join("programs");
    std::fs::create_dir(&programs).expect("a folder");
    symlink(workspace.tool("sam"), programs.join("sam")).expect("a link");
    let path = std::env::var_os("PATH").expect("a search path");
    for name in PROGRAMS {
        let program = std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
            .unwrap_or_else(|| panic!("{name} is installed"));
        symlink(program, programs.join(name)).expect("a link");
    }
    programs
}

#[test]
#[ignore = "needs the archive that `make release` writes"]
fn archive_creates_a_cache_as_its_readme_says() {
    let workspace = Workspace::find().expect("the tools");
    let folder = tempfile::tempdir().expect("a folder");
    let archive = unpack(folder.path());
    let programs = programs(folder.path(), &workspace);
    let cloud =
        Cloud::start(workspace, Interrupt::default(), Settings::default()).expect("a simulator");
    let aws = Aws::connect(&cloud).expect("a client");
    network::REFERENCE.create(&aws).expect("a network");
    let readme = std::fs::read_to_string(archive.join("README.md")).expect("a README");
    let run = |commands: &str| {
        let mut shell = Command::new(programs.join("sh"));
        let mut shell = cloud
            .direct(&mut shell)
            .args(["-e", "-c", commands])
            .current_dir(&archive)
            .env("PATH", &programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        // `sam deploy` prompts for confirmation.
        let mut input = shell.stdin.take().expect("an input");
        // The other commands don't read it, and may have ended.
        let _ = input.write_all(b"y\n");
        drop(input);
        let output = shell.wait_with_output().expect("the commands end");
        let printed = [output.stdout, output.stderr]
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .join("\n");
        assert!(output.status.success(), "{commands}{printed}");
        printed
    };
    let blocks = command_blocks(&readme);
    let [deploy, up, status, down, ..] = blocks[..] else {
        panic!("deploy, create, status, remove: {blocks:?}");
    };

    run(deploy);
    run(up);
    let parameters = aws.parameters("/bandup/cache").expect("parameters");
    let shown = run(status);
    // Without a terminal, the command requires `--yes` instead of prompting.
    run(&down.replace("down bandup", "down bandup --yes"));

    assert!(
        parameters.contains_key("/bandup/cache/url"),
        "{parameters:?}"
    );
    assert!(shown.contains("bandup"), "{shown}");
    let left = reference::left(&aws).expect("the resources");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
#[ignore = "needs the functions that `make build` builds"]
fn output_of_sam_build_creates_a_cache() {
    let workspace = Workspace::find().expect("the tools");
    let template = workspace.file(".aws-sam/build/template.yaml");
    let event = std::fs::read(workspace.file("events/environment-created.json")).expect("an event");
    let event: Value = serde_json::from_slice(&event).expect("JSON");
    let cloud =
        Cloud::start(workspace, Interrupt::default(), Settings::default()).expect("a simulator");
    let aws = Aws::connect(&cloud).expect("a client");
    network::REFERENCE.create(&aws).expect("a network");

    let stack = Stack::deploy_template(&cloud, &aws, &template, &[]).expect("a stack");
    let execution = json!({
        "stateMachineArn": stack.provision_state_machine_arn,
        "input": event["detail"].to_string(),
    });
    let started = aws.call("stepfunctions", "start_execution", &execution);
    let arn = json!({ "executionArn": started.expect("an execution")["executionArn"] });
    let describe = || {
        aws.call("stepfunctions", "describe_execution", &arn)
            .expect("it")
    };
    let deadline = Instant::now() + Duration::from_mins(5);
    let mut ended = describe();
    while ended["status"] == "RUNNING" && Instant::now() < deadline {
        sleep(Duration::from_millis(500));
        ended = describe();
    }

    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let parameters = aws.parameters("/bandup/cache").expect("parameters");
    assert!(
        parameters.contains_key("/bandup/cache/url"),
        "{parameters:?}"
    );
}
