//! Verification of an endpoint before it is published: the real function against a real Valkey server.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use envcache_tests::lambda::{Answer, Function};
use envcache_tests::{World, matrix};
use local::gateway::elasticache::Lifecycle;
use local::valkey::{AUTHORITY, Valkey};
use local::{Settings, backend};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A starter of servers whose certificates are from one certificate authority, and a function that trusts the authority.
struct Fixture {
    valkey: Valkey,
    folder: TempDir,
    function: Function,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let valkey = Valkey::find(folder.path(), Arc::default())
            .expect("an authority")
            .expect("an installed valkey-server");
        let trusted = folder.path().join(AUTHORITY);
        let function = Function::start(
            "VerifyEndpoint",
            &[("SSL_CERT_FILE", trusted.to_str().expect("a UTF-8 path"))],
        )
        .expect("the function starts");
        Self {
            valkey,
            folder,
            function,
        }
    }

    fn verify(&mut self, endpoints: &Value) -> Answer {
        let message =
            json!({ "environment": "bandup", "endpoints": endpoints, "execution": "run" });
        self.function.invoke(&message).expect("an answer")
    }

    /// Checks that verification fails, and returns the stage that failed, such as `TLS`, and the message.
    #[track_caller]
    fn failure(&mut self, endpoints: &Value) -> (String, String) {
        match self.verify(endpoints) {
            Answer::Failed { error, message } => {
                assert_eq!(error, "EndpointUnreachable", "{message}");
                let mut parts = message.splitn(4, ": ").skip(1);
                let stage = parts.next().expect("the stage").to_owned();
                assert!(
                    message.contains("It was not published. Check "),
                    "{message}"
                );
                (stage, message)
            }
            Answer::Returned(answer) => panic!("the endpoint passed: {answer}"),
        }
    }
}

fn free_address() -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

fn endpoint(host: &str, port: u16) -> Value {
    json!({ "host": host, "port": port })
}

fn at(address: SocketAddrV4) -> Value {
    json!({ "primary": endpoint(&address.ip().to_string(), address.port()) })
}

/// A server without TLS. Dropping this value stops the server.
struct WithoutTls(Child);

impl WithoutTls {
    fn start(address: SocketAddrV4) -> Self {
        let child = Command::new("valkey-server")
            .args(["--bind", &address.ip().to_string()])
            .args(["--port", &address.port().to_string(), "--save", ""])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("valkey-server starts");
        while std::net::TcpStream::connect(address).is_err() {
            sleep(Duration::from_millis(20));
        }
        Self(child)
    }
}

impl Drop for WithoutTls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn answering_endpoint_passes_and_its_key_expires() {
    let mut fixture = Fixture::new();
    let address = free_address();
    let _server = fixture.valkey.start(address).expect("a server");

    let answer = fixture.verify(&at(address));
    let with_reader = fixture.verify(&json!({
        "primary": endpoint("127.0.0.1", address.port()),
        "reader": endpoint("127.0.0.1", address.port()),
    }));

    let answered = address.to_string();
    assert_eq!(answer, Answer::Returned(json!({ "answered": [answered] })));
    assert_eq!(
        with_reader,
        Answer::Returned(json!({ "answered": [answered, answered] }))
    );
    let seconds = backend::time_to_live(
        &format!("rediss://{address}"),
        fixture.valkey.authority(),
        "envcache:bandup:verify:run",
    );
    let seconds = seconds.expect("a time to live");
    assert!((1..=60).contains(&seconds), "the key expires: {seconds} s");
}

#[test]
fn failure_names_the_stage_that_failed() {
    let mut fixture = Fixture::new();

    let closed = free_address();
    let (stage, message) = fixture.failure(&at(closed));
    assert_eq!(stage, "connect", "a closed port: {message}");
    assert!(message.contains("refused"), "{message}");

    let plain = free_address();
    let _plain = WithoutTls::start(plain);
    let (stage, message) = fixture.failure(&at(plain));
    assert_eq!(stage, "TLS", "a server without TLS: {message}");

    let other = free_address();
    let _other = fixture
        .valkey
        .start_as(other, "other.example", &[])
        .expect("a server");
    let (stage, message) = fixture.failure(&at(other));
    assert_eq!(stage, "TLS", "a certificate for another name: {message}");
    assert!(
        message.contains("certificate not valid for name"),
        "{message}"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let untrusted = Valkey::find(folder.path(), Arc::default())
        .expect("an authority")
        .expect("valkey-server is installed");
    let foreign = free_address();
    let _foreign = untrusted.start(foreign).expect("a server");
    let (stage, message) = fixture.failure(&at(foreign));
    assert_eq!(
        stage, "TLS",
        "an authority that the function doesn't trust: {message}"
    );

    // It accepts connections and never answers.
    let hanging = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let silent = hanging.local_addr().expect("an address").port();
    let (stage, message) = fixture.failure(&json!({ "primary": endpoint("127.0.0.1", silent) }));
    assert_eq!(stage, "TLS", "a port that hangs: {message}");
    assert!(message.contains("no answer within 5 s"), "{message}");

    let (stage, message) =
        fixture.failure(&json!({ "primary": endpoint("no.such.name.invalid", 6379) }));
    assert_eq!(stage, "DNS", "a name that does not exist: {message}");

    let good = free_address();
    let _good = fixture.valkey.start(good).expect("a server");
    let (stage, message) = fixture.failure(&json!({
        "primary": endpoint("127.0.0.1", good.port()),
        "reader": endpoint("127.0.0.1", closed.port()),
    }));
    assert_eq!(stage, "connect", "{message}");
    assert!(
        message.starts_with("the reader endpoint 127.0.0.1:"),
        "{message}"
    );

    let full = free_address();
    let _full = fixture
        .valkey
        .start_as(
            full,
            "127.0.0.1",
            &["--maxmemory", "1", "--maxmemory-policy", "noeviction"],
        )
        .expect("a server");
    let (stage, message) = fixture.failure(&at(full));
    assert_eq!(stage, "command", "a cache without memory: {message}");
    assert!(message.contains("OOM"), "{message}");
    drop(fixture.folder);
}

#[test]
fn endpoint_is_published_only_after_it_answers() {
    let mut world = World::deploy_with(Settings {
        valkey: true,
        ..matrix::SETTINGS
    })
    .expect("a stack");
    let environment = world.environment();
    world
        .redeploy(&environment.network.verification_parameters())
        .expect("a deployment");
    let silent = Lifecycle {
        answers: false,
        ..Lifecycle::default()
    };
    for lifecycle in [silent, Lifecycle::default()] {
        let cache = format!("{}-redis", environment.name);
        world.gateway().set_lifecycle(&cache, lifecycle);
    }
    let listener = world.listen("envcache");

    let ended = world.run(&environment.request());

    assert_eq!(ended.error, "EndpointUnreachable", "{ended:?}");
    assert!(
        ended
            .cause
            .starts_with("VerifyEndpoint: the primary endpoint 127.0.")
            && ended.cause.contains(": connect: "),
        "{}",
        ended.cause
    );
    assert!(
        environment.parameters(&world).is_empty(),
        "nothing was published"
    );
    let announced = listener.wait_for(&environment.name);
    assert_eq!(announced["detail-type"], "Cache Provisioning Failed");
    assert_eq!(announced["detail"]["error"], "EndpointUnreachable");

    let removed = world.remove(&json!({ "environment": environment.name }));
    assert_eq!(removed.status, "SUCCEEDED", "{removed:?}");
    let again = world.run(&environment.request());

    assert_eq!(again.status, "SUCCEEDED", "{again:?}");
    assert_eq!(again.output["verified"], true, "{again:?}");
    assert!(!environment.parameters(&world).is_empty());
    let plan = world.run(&environment.request_with("/dryRun", json!(true)));
    assert_eq!(
        plan.output["verified"],
        Value::Null,
        "a dry run doesn't verify: {plan:?}"
    );

    let other = world.environment();
    let unverified = world.run(&other.request());
    assert_eq!(unverified.status, "SUCCEEDED", "{unverified:?}");
    assert_eq!(
        unverified.output["verified"], false,
        "the function isn't in this backend's network: {unverified:?}"
    );
    assert!(!other.parameters(&world).is_empty());
}
