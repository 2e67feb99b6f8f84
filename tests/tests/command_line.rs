//! Runs the command line as a process, as users and scripts do.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Command, Output, Stdio};

use envcache_tests::{Environment, until, world};
use local::gateway::elasticache::Lifecycle;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// Writes a request to a file.
fn file(request: &Value) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    write!(file, "{request}").expect("the request is written");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a UTF-8 path")
}

fn run(arguments: &[&str]) -> Output {
    let output = world().envcache(arguments).stdin(Stdio::null()).output();
    output.expect("envcache runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_exit(output: &Output, expected: i32) {
    assert_eq!(
        output.status.code(),
        Some(expected),
        "{}{}",
        out(output),
        errors(output)
    );
}

/// Returns the number of executions that the command line has started for an environment.
fn started(environment: &Environment) -> usize {
    let executions = world().call(
        "stepfunctions",
        "list_executions",
        &json!({ "stateMachineArn": world().stack.provision_state_machine_arn }),
    );
    let prefix = format!("{}-", environment.name);
    envcache_tests::array(&executions["executions"])
        .filter(|execution| envcache_tests::text(&execution["name"]).starts_with(&prefix))
        .count()
}

#[test]
fn up_creates_and_down_removes_a_cache() {
    let environment = world().environment();
    let name = environment.name.as_str();
    let request = file(&environment.request());

    let before = run(&["status", name]);
    let planned = run(&["plan", path(&request)]);
    let up = run(&["up", path(&request)]);
    let after = run(&["status", name]);
    let again = run(&["plan", path(&request)]);
    let watched = run(&["watch", name]);
    let all = run(&["status"]);
    let down = run(&["down", name, "--yes"]);
    let removed = run(&["status", name]);

    assert_exit(&before, 5);
    assert!(out(&before).contains("no cache"), "{}", out(&before));
    assert_exit(&planned, 0);
    let plan = out(&planned);
    for call in [
        &format!("CreateReplicationGroup {name}-redis\n"),
        "    cache.nodeType: cache.t3.micro\n",
        &format!("PutParameter /{name}/cache/url\n"),
    ] {
        assert!(plan.contains(call), "no {call:?} in\n{plan}");
    }
    assert_exit(&up, 0);
    let shown = out(&up);
    let polls = shown.matches("CheckReplicationGroup ").count();
    assert!(
        shown.contains(&format!("{name}: cache available at rediss://")),
        "{shown}"
    );
    assert!(
        (2..=4).contains(&polls),
        "a poll has a line only if the status has changed, but {polls} have one:\n{shown}"
    );
    assert_exit(&after, 0);
    assert!(
        out(&after).contains("available") && out(&after).contains("rediss://"),
        "{}",
        out(&after)
    );
    assert_exit(&again, 0);
    assert!(out(&again).contains("Nothing to do"), "{}", out(&again));
    assert_exit(&watched, 0);
    assert!(
        out(&watched).contains(&format!("{name}: cache available at ")),
        "the result of the last run: {}",
        out(&watched)
    );
    assert_exit(&all, 0);
    assert!(out(&all).contains(name), "{}", out(&all));
    assert_exit(&down, 0);
    assert!(
        out(&down).contains(&format!("{name}: cache removed")),
        "{}",
        out(&down)
    );
    assert_exit(&removed, 5);
}

#[test]
fn json_option_prints_one_object_per_line() {
    let environment = world().environment();
    let request = file(&environment.request());

    let up = run(&["--json", "up", path(&request)]);
    let status = run(&["status", &environment.name, "--json"]);

    assert_exit(&up, 0);
    let lines: Vec<Value> = out(&up)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let published = lines.iter().find(|line| {
        line["state"] == "PublishEndpoint"
            && line["change"] == "exited"
            && line["tookSeconds"].is_f64()
    });
    assert!(published.is_some(), "each state has an object: {lines:?}");
    let last = lines.last().expect("a line");
    assert_eq!(last["status"], "SUCCEEDED", "{last}");
    assert_eq!(last["output"]["environment"], environment.name.as_str());
    assert_exit(&status, 0);
    let status: Value = serde_json::from_str(&out(&status)).expect("JSON");
    assert_eq!(status["state"], "available");
    assert_eq!(status["url"], last["output"]["url"]);
    assert_eq!(status["execution"], last["execution"]);
}

#[test]
fn up_exits_1_with_the_reason_when_the_run_fails() {
    let environment = world().environment();
    let request = environment.request_with("/network", {
        let mut network = environment.request()["network"].clone();
        network["backendSecurityGroup"] = json!("no-such-group");
        network
    });
    let request = file(&request);

    let up = run(&["up", path(&request)]);
    let json = run(&["up", path(&request), "--json"]);
    let doctor = run(&["doctor", path(&request)]);

    assert_exit(&up, 1);
    let shown = errors(&up);
    assert!(
        shown.starts_with("NotFound: ResolveNetwork: ") && shown.contains("`no-such-group`"),
        "{shown}"
    );
    assert_exit(&json, 1);
    let last: Value =
        serde_json::from_str(out(&json).lines().last().expect("a line")).expect("JSON");
    assert_eq!(
        (&last["status"], &last["error"]),
        (&json!("FAILED"), &json!("NotFound"))
    );
    assert_exit(&doctor, 1);
    assert!(
        out(&doctor).contains("✗ dry run") && out(&doctor).contains("✓ credentials"),
        "{}",
        out(&doctor)
    );
}

#[test]
fn plan_exits_1_with_the_reason_when_the_request_is_rejected() {
    let environment = world().environment();
    let mut request = environment.request();
    request["network"]["vpc"] = json!("no-such-vpc");
    let request = file(&request);

    let plan = run(&["plan", path(&request)]);
    let json = run(&["plan", path(&request), "--json"]);

    assert_exit(&plan, 1);
    let shown = errors(&plan);
    assert!(
        shown.starts_with("NotFound: ResolveNetwork: ") && shown.contains("`no-such-vpc`"),
        "{shown}"
    );
    assert_exit(&json, 1);
    let last: Value =
        serde_json::from_str(out(&json).lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["status"], "SUCCEEDED", "{last}");
    assert_eq!(last["output"]["rejected"]["error"], "NotFound", "{last}");
}

#[test]
fn status_shows_the_reason_when_the_last_run_failed() {
    let environment = world().environment();
    let created = world().run(&environment.request());
    assert_eq!(created.status, "SUCCEEDED", "{created:?}");
    let other = environment.request_with("/cache", json!({ "port": 7000 }));
    let failed = world().run(&other);
    assert_eq!(failed.error, "Immutable", "{failed:?}");

    let status = run(&["status", &environment.name]);

    assert_exit(&status, 1);
    let shown = out(&status);
    assert!(
        shown.contains("change failed")
            && shown.contains("Immutable: ")
            && shown.contains("rediss://"),
        "the previous endpoint is still published: {shown}"
    );
}

#[test]
fn status_shows_a_run_that_failed_before_its_claim() {
    let environment = world().environment();
    let name = environment.name.as_str();
    let mut request = environment.request();
    request["network"]["vpc"] = json!("no-such-vpc");
    let rejected = world().deliver("Environment Created", &request);
    assert_eq!(rejected.error, "NotFound", "{rejected:?}");

    let status = run(&["status", name]);
    let all = run(&["status"]);
    let watch = run(&["watch", name]);

    assert_exit(&status, 1);
    let shown = out(&status);
    assert!(
        shown.contains("failed") && shown.contains("NotFound: ResolveNetwork: "),
        "{shown}"
    );
    let is_failed_line =
        |line: &&str| line.starts_with(&format!("{name} ")) && line.contains("failed");
    assert!(
        out(&all).lines().find(is_failed_line).is_some(),
        "{}",
        out(&all)
    );
    assert_exit(&watch, 1);
    assert!(
        errors(&watch).starts_with("NotFound: "),
        "{}",
        errors(&watch)
    );

    // A later success replaces the failure.
    let succeeded = world().run(&environment.request());
    assert_eq!(succeeded.status, "SUCCEEDED", "{succeeded:?}");
    assert_exit(&run(&["status", name]), 0);
    // A rejected dry run doesn't change the status.
    request["dryRun"] = json!(true);
    let planned = world().run(&request);
    assert_eq!(
        planned.output["rejected"]["error"], "NotFound",
        "{planned:?}"
    );
    assert_exit(&run(&["status", name]), 0);
}

#[test]
fn invalid_requests_start_nothing_and_exit_2() {
    let environment = world().environment();
    let mut request = environment.request();
    request["cache"] = json!({ "replicas": 9 });
    let request = file(&request);

    let up = run(&["up", path(&request)]);
    let missing_file = run(&["up", "/no/such/file.json"]);
    let invalid_name = run(&["down", "Band Up"]);
    let unknown_command = run(&["upp"]);

    assert_exit(&up, 2);
    assert!(
        errors(&up).contains("cache.replicas: 9 is out of range: 0 to 5"),
        "{}",
        errors(&up)
    );
    assert_eq!(started(&environment), 0, "no run was started");
    assert_exit(&missing_file, 2);
    assert_exit(&invalid_name, 2);
    assert_exit(&unknown_command, 2);
}

#[test]
fn exits_3_with_a_remedy_when_aws_or_stack_is_unreachable() {
    let unreachable = world()
        .envcache(&["status"])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .output()
        .expect("envcache runs");
    let no_stack = run(&["status", "--stack", "other"]);
    let in_json = run(&["status", "--stack", "other", "--json"]);
    let no_region = world()
        .envcache(&["status"])
        .env_remove("AWS_REGION")
        .env_remove("AWS_DEFAULT_REGION")
        .output()
        .expect("envcache runs");

    assert_exit(&in_json, 3);
    let error: Value = serde_json::from_str(&out(&in_json)).expect("an error in JSON");
    assert_eq!(error["exit"], 3, "{error}");
    assert_exit(&unreachable, 3);
    let shown = errors(&unreachable);
    assert!(
        shown.contains("DescribeStacks: could not reach AWS: ") && !shown.contains('{'),
        "without debug output: {shown}"
    );
    assert_exit(&no_stack, 3);
    assert!(
        errors(&no_stack).contains("stack `other` doesn't exist in ap-southeast-1. Deploy it"),
        "{}",
        errors(&no_stack)
    );
    assert_exit(&no_region, 3);
    assert!(
        errors(&no_region).contains("Pass `--region`"),
        "{}",
        errors(&no_region)
    );
}

#[test]
fn names_the_sign_in_command_when_the_sso_session_has_expired() {
    // The format of https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html. Profiles from before
    // sessions have the start URL instead.
    let account = "sso_account_id = 123456789012\nsso_role_name = admin\nregion = eu-west-1\n";
    let session = "sso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n";
    let with_session =
        format!("[profile dev]\nsso_session = corp\n{account}[sso-session corp]\n{session}");
    let without_session = format!("[profile dev]\n{account}{session}");
    let expired = json!({
        "startUrl": "https://example.awsapps.com/start",
        "region": "eu-west-1",
        "accessToken": "token",
        "expiresAt": "2020-01-01T00:00:00Z",
    });
    for (config, token) in [
        (&with_session, Some(expired)),
        (&with_session, None),
        (&without_session, None),
    ] {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(".aws/sso/cache");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(home.path().join(".aws/config"), config).expect("a file");
        if let Some(token) = &token {
            // The file's name is the SHA-1 hash of the session's name.
            let file = folder.join("ee0bfd2552fbd840c02cc48b6e823320543c450f.json");
            std::fs::write(file, token.to_string()).expect("a file");
        }
        for (subcommand, exit) in [("status", 3), ("doctor", 1)] {
            let mut command = world().envcache(&[subcommand, "--profile", "dev"]);
            for variable in [
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_CONFIG_FILE",
                "AWS_SHARED_CREDENTIALS_FILE",
            ] {
                command.env_remove(variable);
            }

            let output = command.env("HOME", home.path()).output();

            let output = output.expect("envcache runs");
            assert_exit(&output, exit);
            let printed = format!("{}{}", out(&output), errors(&output));
            let remedy =
                "has expired, or you have not signed in. Run `aws sso login --profile dev`.";
            assert!(printed.contains(remedy), "{config}{subcommand}: {printed}");
        }
    }
}

#[test]
fn doctor_checks_stack_and_starts_dry_run_of_request() {
    let environment = world().environment();
    let request = file(&environment.request());

    let doctor = run(&["doctor", path(&request)]);
    let no_stack = run(&["doctor", "--stack", "other"]);

    assert_exit(&doctor, 0);
    let shown = out(&doctor);
    for check in [
        "✓ credentials",
        "✓ stack",
        "✓ state machines",
        "✓ records",
        "✓ parameter throughput",
        "✓ quotas               Nodes per Region: ",
        "✓ dry run",
    ] {
        assert!(shown.contains(check), "no {check:?} in\n{shown}");
    }
    assert_eq!(
        environment.parameters(world()),
        [],
        "doctor changes nothing"
    );
    assert_exit(&no_stack, 1);
    assert!(out(&no_stack).contains("✗ stack"), "{}", out(&no_stack));
}

#[test]
fn prints_completions_for_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(&["completions", shell]);

        assert_exit(&completions, 0);
        assert!(out(&completions).contains("status"), "{shell}");
    }
}

const ROWS: NonZero<u16> = NonZero::new(60).expect("not 0");
const COLUMNS: NonZero<u16> = NonZero::new(100).expect("not 0");

/// A command that runs on a terminal.
struct Terminal {
    process: std::process::Child,
    screen: File,
    parser: vt100::Parser,
}

impl Terminal {
    fn start(mut command: Command) -> Self {
        let size = Winsize {
            ws_row: ROWS.get(),
            ws_col: COLUMNS.get(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let terminal = openpty(Some(&size), None).expect("a terminal");
        let other_side = || Stdio::from(terminal.slave.try_clone().expect("an open terminal"));
        let process = command
            .env("TERM", "xterm")
            .stdin(other_side())
            .stdout(other_side())
            .stderr(other_side())
            .spawn()
            .expect("envcache runs");
        drop(command);
        Self {
            process,
            screen: File::from(terminal.master),
            parser: vt100::Parser::new(ROWS, COLUMNS, 0),
        }
    }

    /// Reads the next output onto the screen. Returns false at the end of the output.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // Linux returns EIO after the other side is closed.
        match self.screen.read(&mut bytes) {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.parser.process(&bytes[..length]);
                true
            }
        }
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    fn read_until(&mut self, expected: &str) {
        while !self.text().contains(expected) {
            assert!(self.read(), "no {expected:?} in\n{}", self.text());
        }
    }

    fn end(mut self) -> (Option<i32>, String) {
        while self.read() {}
        let status = self.process.wait().expect("envcache ends");
        (status.code(), self.text())
    }
}

#[test]
fn text_of_an_event_is_made_safe_for_the_terminal() {
    let hostile = "prod\u{1b}[2J\u{9b}1A\r\nbandup  available  rediss://evil.example:6379\u{202e}";
    for machine in [
        &world().stack.provision_state_machine_arn,
        &world().stack.deprovision_state_machine_arn,
    ] {
        // StartWorkflow starts it in the same way: an invalid event becomes a failed execution.
        let failed = world().run_on(machine, &json!({ "environment": hostile }));
        assert_eq!(failed.error, "InvalidSpec", "{failed:?}");
    }

    let status = run(&["status"]);
    let in_json = run(&["status", "--json"]);
    let watch = run(&["watch", hostile]);

    assert_exit(&status, 0);
    let shown = out(&status);
    assert!(
        !shown.contains("rediss://evil"),
        "the name isn't listed as an environment: {shown}"
    );
    assert!(!shown.contains("prod"), "the name has no record: {shown}");
    assert_exit(&watch, 2);
    for shown in [out(&status), out(&in_json), errors(&watch)] {
        let unsafe_character = shown.chars().find(|character| {
            (character.is_control() && *character != '\n') || *character == '\u{202e}'
        });
        assert_eq!(unsafe_character, None, "{shown:?}");
    }
    let is_forged = |line: &str| line.starts_with("bandup ");
    assert!(!errors(&watch).lines().any(is_forged), "{}", errors(&watch));
    for line in out(&in_json).lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn text_of_arguments_is_made_safe_for_the_terminal() {
    let hostile = "\u{1b}[31mred\u{1b}[0m\u{9b}1A\r\nbandup  available\u{202e}";
    let option = format!("--{hostile}");

    for arguments in [
        ["status", &option].as_slice(),
        &[hostile],
        &["completions", hostile],
        &["status", "bandup", hostile],
    ] {
        let output = run(arguments);

        assert_exit(&output, 2);
        assert_eq!(out(&output), "", "{arguments:?}");
        let shown = errors(&output);
        assert!(shown.contains("[31mred"), "the argument is quoted: {shown}");
        let unsafe_character = shown.chars().find(|character| {
            (character.is_control() && *character != '\n') || *character == '\u{202e}'
        });
        assert_eq!(unsafe_character, None, "{shown:?}");
        let is_forged = |line: &str| line.starts_with("bandup ");
        assert!(!shown.lines().any(is_forged), "{shown}");
    }
    let help = run(&["--help"]);
    assert_exit(&help, 0);
    assert!(out(&help).contains("Exit codes:"), "{}", out(&help));
}

#[test]
fn status_hides_a_parameter_of_another_owner() {
    let environment = world().environment();
    let name = environment.name.as_str();
    let secret = "postgres://admin:hunter2@database.internal/prod";
    let prefix = format!("/{name}/database");
    world().call(
        "ssm",
        "put_parameter",
        &json!({ "Name": format!("{prefix}/url"), "Value": secret, "Type": "String" }),
    );
    // `PlanEndpoint` rejects the parameter.
    let failed = world().run(&environment.request_with("/parameterPrefix", json!(prefix)));
    assert_eq!(failed.error, "NotOwned", "{failed:?}");

    let status = run(&["status", name]);
    let in_json = run(&["status", name, "--json"]);
    let all = run(&["status"]);

    assert_exit(&status, 1);
    let shown = out(&status);
    let first = shown.lines().next().unwrap_or_default();
    assert!(
        first.contains("  failed ") && !shown.contains("change failed"),
        "{shown}"
    );
    assert!(shown.contains("NotOwned: "), "{shown}");
    let object: Value = serde_json::from_str(&out(&in_json)).expect("JSON");
    assert_eq!(
        (&object["state"], &object["url"]),
        (&json!("failed"), &Value::Null),
        "{object}"
    );
    assert_exit(&all, 0);
    for output in [&status, &in_json, &all] {
        let shown = format!("{}{}", out(output), errors(output));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn down_starts_a_removal_only_when_confirmed() {
    let environment = world().environment();
    let name = environment.name.as_str();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let answer = |text: &str| {
        let mut terminal = Terminal::start(world().envcache(&["down", name]));
        terminal.read_until("Type the environment's name to confirm: ");
        writeln!(terminal.screen, "{text}").expect("the answer is typed");
        terminal.end()
    };

    // This is rejected before AWS is called.
    let without_terminal = world()
        .envcache(&["down", name])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .stdin(Stdio::null())
        .output()
        .expect("envcache runs");
    let (declined, screen) = answer("y");

    assert_exit(&without_terminal, 2);
    assert!(
        errors(&without_terminal).contains("Pass `--yes`"),
        "{}",
        errors(&without_terminal)
    );
    assert_eq!(declined, Some(2), "{screen}");
    assert!(
        screen.contains("AWS deletes its automatic backups too"),
        "{screen}"
    );
    assert!(
        screen.contains("stack `envcache` in account 000000000000, Region ap-southeast-1"),
        "{screen}"
    );
    assert_eq!(
        environment.parameters(world()).len(),
        4,
        "nothing was started"
    );

    let (confirmed, screen) = answer(name);

    assert_eq!(confirmed, Some(0), "{screen}");
    assert!(environment.cache(world()).is_err(), "{screen}");
}

#[test]
fn protected_environment_is_shown_and_not_removed() {
    let environment = world().environment();
    let name = environment.name.as_str();
    let protecting = file(&environment.request_with("/protect", json!(true)));
    let lifting = file(&environment.request_with("/protect", json!(false)));

    let up = run(&["up", path(&protecting)]);
    let status = run(&["status", name]);
    let in_json = run(&["status", name, "--json"]);
    let down = run(&["down", name, "--yes"]);
    let plan = run(&["plan", path(&lifting)]);

    assert_exit(&up, 0);
    assert!(out(&up).contains("protected"), "{}", out(&up));
    assert_exit(&status, 0);
    let shown = out(&status);
    let first = shown.lines().next().unwrap_or_default();
    assert!(first.ends_with("  protected"), "{shown}");
    let in_json: Value = serde_json::from_str(&out(&in_json)).expect("JSON");
    assert_eq!(in_json["protected"], true, "{in_json}");
    assert_exit(&down, 1);
    assert!(
        errors(&down).starts_with("Protected: "),
        "{}",
        errors(&down)
    );
    assert!(
        errors(&down).contains("\"protect\": false"),
        "the message contains the remedy: {}",
        errors(&down)
    );
    assert_exit(&plan, 0);
    assert!(
        out(&plan).contains("protect: true → false"),
        "{}",
        out(&plan)
    );
    assert_exit(&run(&["up", path(&lifting)]), 0);
    assert_exit(&run(&["down", name, "--yes"]), 0);
}

#[test]
fn terminal_shows_the_wait_and_keeps_selected_lines() {
    let environment = world().environment();
    let request = file(&environment.request());

    let mut terminal = Terminal::start(world().envcache(&["up", path(&request)]));
    terminal.read_until("WaitForReplicationGroup (creating; usually 4 to 8 minutes");
    let (code, screen) = terminal.end();

    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains(": cache available at rediss://"),
        "{screen}"
    );
    assert!(
        !screen.contains("usually 4 to 8 minutes"),
        "the live lines are cleared at the end:\n{screen}"
    );
    assert!(
        screen.lines().all(|line| line.matches(" s  ").count() <= 2),
        "each line shows one state:\n{screen}"
    );
}

#[test]
fn run_continues_after_ctrl_c() {
    let environment = world().environment();
    let slow = Lifecycle {
        creating: 1200.0,
        ..Lifecycle::default()
    };
    environment.set_lifecycle(world(), slow);
    let request = file(&environment.request());

    let mut terminal = Terminal::start(world().envcache(&["up", path(&request)]));
    terminal.read_until("WaitForReplicationGroup (creating");
    let process = i32::try_from(terminal.process.id()).expect("a process's id");
    kill(Pid::from_raw(process), Signal::SIGINT).expect("envcache runs");
    let (code, screen) = terminal.end();
    let status = run(&["status", &environment.name]);

    assert_eq!(code, Some(4), "{screen}");
    assert!(
        screen.contains("The run continues. To follow it again: envcache watch arn:"),
        "{screen}"
    );
    assert_exit(&status, 4);
    assert!(out(&status).contains("provisioning"), "{}", out(&status));
}

#[test]
fn watch_follows_the_run_that_an_event_starts() {
    let environment = world().environment();
    let mut watch = world().envcache(&["watch", &environment.name]);
    let watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();

    world().put("Environment Created", &environment.request());
    let watched = watch.expect("envcache runs").wait_with_output();

    let watched = watched.expect("envcache ends");
    assert_exit(&watched, 0);
    assert!(
        out(&watched).contains(&format!("{}: cache available at ", environment.name)),
        "{}",
        out(&watched)
    );
    let detached = run(&["down", &environment.name, "--detach", "--yes"]);
    assert_exit(&detached, 0);
    let execution = out(&detached).trim().to_owned();
    assert!(execution.starts_with("arn:"), "{execution}");
    until("the removal to end", || {
        (run(&["status", &environment.name]).status.code() == Some(5)).then_some(())
    });
}

#[test]
fn status_reports_a_cache_that_was_deleted_outside_envcache() {
    let environment = world().environment();
    let name = environment.name.as_str();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    world().call(
        "elasticache",
        "delete_replication_group",
        &json!({ "ReplicationGroupId": format!("{name}-redis") }),
    );
    until("the cache to be deleted", || {
        environment.cache(world()).is_err().then_some(())
    });

    let status = run(&["status", name]);
    let in_json = run(&["status", name, "--json"]);
    let all = run(&["status"]);

    assert_exit(&status, 1);
    let shown = out(&status);
    assert!(
        shown.contains("cache missing") && shown.contains("rediss://"),
        "{shown}"
    );
    let object: Value = serde_json::from_str(&out(&in_json)).expect("JSON");
    assert_eq!(object["state"], "cacheMissing", "{object}");
    assert_eq!(object["cacheStatus"], Value::Null, "{object}");
    let is_missing = |line: &str| line.starts_with(&format!("{name} ")) && line.contains("missing");
    assert!(out(&all).lines().any(is_missing), "{}", out(&all));

    // As the reason says.
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    assert_exit(&run(&["status", name]), 0);
}

#[test]
fn status_prints_a_header_only_on_a_terminal() {
    let environment = world().environment();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");

    let (code, screen) = Terminal::start(world().envcache(&["status", &environment.name])).end();
    let piped = run(&["status", &environment.name]);

    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.starts_with("ENVIRONMENT "), "{screen}");
    assert!(
        out(&piped).starts_with(&environment.name),
        "{}",
        out(&piped)
    );
}
