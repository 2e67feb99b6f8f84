//! The command line as a person and as a script use it: as a process.

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

/// A file that holds a request.
fn file(request: &Value) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    write!(file, "{request}").expect("it is written");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a path of letters")
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

/// How many executions the stack has had for an environment's runs by the command line.
fn started(environment: &Environment) -> usize {
    let executions = world().call(
        "stepfunctions",
        "list_executions",
        &json!({ "stateMachineArn": world().stack.provision_state_machine_arn }),
    );
    let begins = format!("{}-", environment.name);
    envcache_tests::array(&executions["executions"])
        .filter(|execution| envcache_tests::text(&execution["name"]).starts_with(&begins))
        .count()
}

#[test]
fn an_environment_goes_up_is_told_of_and_goes_down() {
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
    let gone = run(&["status", name]);

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
    let told = out(&up);
    let looks = told.matches("CheckReplicationGroup ").count();
    assert!(
        told.contains(&format!("{name} has its cache: rediss://")),
        "{told}"
    );
    assert!(
        (2..=4).contains(&looks),
        "a look is told where it finds something new, not {looks} times:\n{told}"
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
        out(&watched).contains(&format!("{name} has its cache")),
        "how the last run ended: {}",
        out(&watched)
    );
    assert_exit(&all, 0);
    assert!(out(&all).contains(name), "{}", out(&all));
    assert_exit(&down, 0);
    assert!(
        out(&down).contains(&format!("The cache of {name} is gone")),
        "{}",
        out(&down)
    );
    assert_exit(&gone, 5);
}

#[test]
fn a_script_reads_one_json_object_a_line() {
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
    assert!(published.is_some(), "each state is told: {lines:?}");
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
fn a_failed_run_is_told_with_its_reason_and_exits_1() {
    let environment = world().environment();
    let request = environment.request_with("/network", {
        let mut network = environment.request()["network"].clone();
        network["backendSecurityGroup"] = json!("nobody");
        network
    });
    let request = file(&request);

    let up = run(&["up", path(&request)]);
    let json = run(&["up", path(&request), "--json"]);
    let doctor = run(&["doctor", path(&request)]);

    assert_exit(&up, 1);
    let told = errors(&up);
    assert!(
        told.starts_with("NotFound: ResolveNetwork: ") && told.contains("`nobody`"),
        "{told}"
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
        out(&doctor).contains("✗ network") && out(&doctor).contains("✓ credentials"),
        "{}",
        out(&doctor)
    );
}

#[test]
fn status_tells_why_the_last_run_failed() {
    let environment = world().environment();
    let begun = world().run(&environment.request());
    assert_eq!(begun.status, "SUCCEEDED", "{begun:?}");
    let other = environment.request_with("/cache", json!({ "port": 7000 }));
    let ended = world().run(&other);
    assert_eq!(ended.error, "Immutable", "{ended:?}");

    let status = run(&["status", &environment.name]);

    assert_exit(&status, 1);
    let told = out(&status);
    assert!(
        told.contains("change failed")
            && told.contains("Immutable: ")
            && told.contains("rediss://"),
        "the endpoint of before is still published: {told}"
    );
}

#[test]
fn a_run_that_was_refused_before_it_began_is_told_of_as_well() {
    let environment = world().environment();
    let name = environment.name.as_str();
    let mut request = environment.request();
    request["network"]["vpc"] = json!("no-such-vpc");
    let refused = world().deliver("Environment Created", &request);
    assert_eq!(refused.error, "NotFound", "{refused:?}");

    let status = run(&["status", name]);
    let all = run(&["status"]);
    let watch = run(&["watch", name]);

    assert_exit(&status, 1);
    let told = out(&status);
    assert!(
        told.contains("failed") && told.contains("NotFound: ResolveNetwork: "),
        "no record tells of it, and a person has to know all the same: {told}"
    );
    let is_its_line =
        |line: &&str| line.starts_with(&format!("{name} ")) && line.contains("failed");
    assert!(
        out(&all).lines().find(is_its_line).is_some(),
        "{}",
        out(&all)
    );
    assert_exit(&watch, 1);
    assert!(
        errors(&watch).starts_with("NotFound: "),
        "{}",
        errors(&watch)
    );

    // What succeeds after it counts.
    let ended = world().run(&environment.request());
    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    assert_exit(&run(&["status", name]), 0);
    // A plan that is refused asks for nothing.
    request["dryRun"] = json!(true);
    let planned = world().run(&request);
    assert_eq!(planned.error, "NotFound", "{planned:?}");
    assert_exit(&run(&["status", name]), 0);
}

#[test]
fn a_mistake_starts_nothing_and_exits_2() {
    let environment = world().environment();
    let mut request = environment.request();
    request["cache"] = json!({ "replicas": 9 });
    let request = file(&request);

    let up = run(&["up", path(&request)]);
    let none = run(&["up", "/no/such/file.json"]);
    let name = run(&["down", "Band Up"]);
    let unknown = run(&["upp"]);

    assert_exit(&up, 2);
    assert!(
        errors(&up).contains("cache.replicas: 9 is out of range: 0 to 5"),
        "{}",
        errors(&up)
    );
    assert_eq!(started(&environment), 0, "nothing was started");
    assert_exit(&none, 2);
    assert_exit(&name, 2);
    assert_exit(&unknown, 2);
}

#[test]
fn where_aws_cannot_be_asked_it_exits_3_and_says_what_to_do() {
    let nobody = world()
        .envcache(&["status"])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .output()
        .expect("envcache runs");
    let no_stack = run(&["status", "--stack", "other"]);
    let in_json = run(&["status", "--stack", "other", "--json"]);
    assert_exit(&in_json, 3);
    let told: Value = serde_json::from_str(&out(&in_json)).expect("JSON also of an error");
    assert_eq!(told["exit"], 3, "{told}");
    let no_region = world()
        .envcache(&["status"])
        .env_remove("AWS_REGION")
        .env_remove("AWS_DEFAULT_REGION")
        .output()
        .expect("envcache runs");

    assert_exit(&nobody, 3);
    let told = errors(&nobody);
    assert!(
        told.contains("DescribeStacks: could not reach AWS: ") && !told.contains('{'),
        "a person reads it: {told}"
    );
    assert_exit(&no_stack, 3);
    assert!(
        errors(&no_stack).contains("there is no stack `other` in ap-southeast-1: deploy it"),
        "{}",
        errors(&no_stack)
    );
    assert_exit(&no_region, 3);
    assert!(
        errors(&no_region).contains("Pass --region"),
        "{}",
        errors(&no_region)
    );
}

#[test]
fn the_doctor_finds_all_well_with_the_network_of_a_request() {
    let environment = world().environment();
    let request = file(&environment.request());

    let doctor = run(&["doctor", path(&request)]);
    let no_stack = run(&["doctor", "--stack", "other"]);

    assert_exit(&doctor, 0);
    let told = out(&doctor);
    for thing in [
        "✓ credentials",
        "✓ stack",
        "✓ state machines",
        "✓ records",
        "✓ network",
    ] {
        assert!(told.contains(thing), "no {thing:?} in\n{told}");
    }
    assert_eq!(
        environment.parameters(world()),
        [],
        "a doctor changes nothing"
    );
    assert_exit(&no_stack, 1);
    assert!(out(&no_stack).contains("✗ stack"), "{}", out(&no_stack));
}

#[test]
fn a_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(&["completions", shell]);

        assert_exit(&completions, 0);
        assert!(out(&completions).contains("status"), "{shell}");
    }
}

const ROWS: NonZero<u16> = NonZero::new(60).expect("not 0");
const COLUMNS: NonZero<u16> = NonZero::new(100).expect("not 0");

/// A command on a terminal.
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
        let other_side = || Stdio::from(terminal.slave.try_clone().expect("it is open"));
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

    /// Shows what comes next. False at the end.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // Linux answers EIO once the other side is closed.
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

    fn read_until(&mut self, wanted: &str) {
        while !self.text().contains(wanted) {
            assert!(self.read(), "{wanted:?} never came:\n{}", self.text());
        }
    }

    fn end(mut self) -> (Option<i32>, String) {
        while self.read() {}
        let status = self.process.wait().expect("it ends");
        (status.code(), self.text())
    }
}

#[test]
fn an_event_cannot_write_to_the_terminal() {
    let hostile = "prod\u{1b}[2J\u{9b}1A\r\nbandup  available  rediss://evil.example:6379\u{202e}";
    for machine in [
        &world().stack.provision_state_machine_arn,
        &world().stack.deprovision_state_machine_arn,
    ] {
        // As StartWorkflow starts it: a bad event becomes a failed execution.
        let ended = world().run_on(machine, &json!({ "environment": hostile }));
        assert_eq!(ended.error, "InvalidSpec", "{ended:?}");
    }

    let status = run(&["status"]);
    let in_json = run(&["status", "--json"]);
    let watch = run(&["watch", hostile]);

    assert_exit(&status, 0);
    let shown = out(&status);
    assert!(
        !shown.contains("rediss://evil"),
        "it is no environment: {shown}"
    );
    assert!(
        !shown.contains("prod"),
        "no record is written for it: {shown}"
    );
    assert_exit(&watch, 2);
    for shown in [out(&status), out(&in_json), errors(&watch)] {
        let unsafe_one = shown.chars().find(|character| {
            (character.is_control() && *character != '\n') || *character == '\u{202e}'
        });
        assert_eq!(unsafe_one, None, "{shown:?}");
    }
    let begins = |line: &str| line.starts_with("bandup ");
    assert!(!errors(&watch).lines().any(begins), "{}", errors(&watch));
    for line in out(&in_json).lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn a_usage_error_cannot_write_to_the_terminal() {
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
        assert!(shown.contains("[31mred"), "it is quoted: {shown}");
        let unsafe_one = shown.chars().find(|character| {
            (character.is_control() && *character != '\n') || *character == '\u{202e}'
        });
        assert_eq!(unsafe_one, None, "{shown:?}");
        let begins = |line: &str| line.starts_with("bandup ");
        assert!(!shown.lines().any(begins), "{shown}");
    }
    let help = run(&["--help"]);
    assert_exit(&help, 0);
    assert!(out(&help).contains("Exit codes:"), "{}", out(&help));
}

#[test]
fn status_does_not_show_a_foreign_parameter_as_the_endpoint() {
    let environment = world().environment();
    let name = environment.name.as_str();
    let secret = "postgres://admin:hunter2@database.internal/prod";
    let prefix = format!("/{name}/database");
    world().call(
        "ssm",
        "put_parameter",
        &json!({ "Name": format!("{prefix}/url"), "Value": secret, "Type": "String" }),
    );
    // The record holds the prefix before the publishing step checks who owns the parameters.
    let ended = world().run(&environment.request_with("/parameterPrefix", json!(prefix)));
    assert_eq!(ended.error, "NotOwned", "{ended:?}");

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
fn a_removal_starts_only_when_it_is_confirmed() {
    let environment = world().environment();
    let name = environment.name.as_str();
    assert_eq!(world().run(&environment.request()).status, "SUCCEEDED");
    let answer = |text: &str| {
        let mut terminal = Terminal::start(world().envcache(&["down", name]));
        terminal.read_until("Type the environment's name to confirm: ");
        writeln!(terminal.screen, "{text}").expect("it is typed");
        terminal.end()
    };

    // It is rejected before AWS is called.
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
fn a_protected_environment_is_shown_as_such_and_stays() {
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
        "it says how to lift it: {}",
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
fn a_terminal_shows_what_is_waited_for_and_keeps_the_lines_that_tell_something() {
    let environment = world().environment();
    let request = file(&environment.request());

    let mut terminal = Terminal::start(world().envcache(&["up", path(&request)]));
    terminal.read_until("WaitForReplicationGroup (creating; usually 4 to 8 minutes");
    let (code, screen) = terminal.end();

    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("has its cache: rediss://"), "{screen}");
    assert!(
        !screen.contains("usually 4 to 8 minutes"),
        "what was live is gone at the end:\n{screen}"
    );
    assert!(
        screen.lines().all(|line| line.matches(" s  ").count() <= 2),
        "a state has a line of its own:\n{screen}"
    );
}

#[test]
fn ctrl_c_leaves_the_run_and_says_how_to_follow_it_again() {
    let environment = world().environment();
    let slow = Lifecycle {
        creating: 1200.0,
        ..Lifecycle::default()
    };
    world()
        .gateway()
        .set_lifecycle(&format!("{}-redis", environment.name), slow);
    let request = file(&environment.request());

    let mut terminal = Terminal::start(world().envcache(&["up", path(&request)]));
    terminal.read_until("WaitForReplicationGroup (creating");
    let process = i32::try_from(terminal.process.id()).expect("a process's id");
    kill(Pid::from_raw(process), Signal::SIGINT).expect("it is there");
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
fn a_run_that_an_event_starts_is_watched_by_the_environments_name() {
    let environment = world().environment();
    let mut watch = world().envcache(&["watch", &environment.name]);
    let watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();

    world().put("Environment Created", &environment.request());
    let watched = watch.expect("envcache runs").wait_with_output();

    let watched = watched.expect("it ends");
    assert_exit(&watched, 0);
    assert!(
        out(&watched).contains(&format!("{} has its cache", environment.name)),
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
