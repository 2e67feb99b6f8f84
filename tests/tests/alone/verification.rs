//! The proof of an endpoint before it is published: the real function against a real Valkey.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use envcache_tests::{World, matrix};
use local::gateway::elasticache::Lifecycle;
use envcache_tests::lambda::{Answer, Function};
use local::valkey::{AUTHORITY, Valkey};
use local::{Settings, Workspace, backend};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Servers with certificates of an authority, and the function that trusts it.
struct Bench {
    valkey: Valkey,
    folder: TempDir,
    function: Function,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let valkey = Valkey::find(folder.path(), Arc::default())
            .expect("an authority")
            .expect("valkey-server is installed: see the README");
        let trusted = folder.path().join(AUTHORITY);
        let function = Function::start(
            &Workspace::find().expect("what `make build` builds"),
            "VerifyEndpoint",
            &[(
                "SSL_CERT_FILE",
                trusted.to_str().expect("a path of letters"),
            )],
        )
        .expect("it starts");
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

    /// The part that failed, such as `TLS`, and what was told of it.
    #[track_caller]
    fn failure(&mut self, endpoints: &Value) -> (String, String) {
        match self.verify(endpoints) {
            Answer::Failed { error, message } => {
                assert_eq!(error, "EndpointUnreachable", "{message}");
                let mut parts = message.splitn(4, ": ").skip(1);
                let part = parts.next().expect("the part").to_owned();
                assert!(message.contains("It was not published. See "), "{message}");
                (part, message)
            }
            Answer::Returned(answer) => panic!("it is no cache: {answer}"),
        }
    }
}

fn free_address() -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

fn endpoint(host: &str, port: u16) -> Value {
    json!({ "host": host, "port": port })
}

fn at(address: SocketAddrV4) -> Value {
    json!({ "primary": endpoint(&address.ip().to_string(), address.port()) })
}

/// A server without TLS. Dropping it ends it.
struct WithoutTls(Child);

impl WithoutTls {
    fn start(address: SocketAddrV4, more: &[&str]) -> Self {
        let child = Command::new("valkey-server")
            .args(["--bind", &address.ip().to_string()])
            .args(["--port", &address.port().to_string(), "--save", ""])
            .args(more)
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
fn a_cache_that_answers_passes_and_its_key_expires() {
    let mut bench = Bench::new();
    let address = free_address();
    let _server = bench.valkey.start(address).expect("a server");

    let answer = bench.verify(&at(address));
    let with_reader = bench.verify(&json!({
        "primary": endpoint("127.0.0.1", address.port()),
        "reader": endpoint("127.0.0.1", address.port()),
    }));

    let told = address.to_string();
    assert_eq!(answer, Answer::Returned(json!({ "answered": [told] })));
    assert_eq!(
        with_reader,
        Answer::Returned(json!({ "answered": [told, told] }))
    );
    let seconds = backend::time_to_live(
        &format!("rediss://{address}"),
        bench.valkey.authority(),
        "envcache:bandup:verify:run",
    );
    let seconds = seconds.expect("it answers");
    assert!((1..=60).contains(&seconds), "the key expires: {seconds} s");
}

#[test]
fn each_part_that_fails_is_told_by_its_name() {
    let mut bench = Bench::new();

    let closed = free_address();
    let (part, told) = bench.failure(&at(closed));
    assert_eq!(part, "connect", "a closed port: {told}");
    assert!(told.contains("refused"), "{told}");

    let plain = free_address();
    let _plain = WithoutTls::start(plain, &[]);
    let (part, told) = bench.failure(&at(plain));
    assert_eq!(part, "TLS", "a server without TLS: {told}");

    let other = free_address();
    let _other = bench
        .valkey
        .start_as(other, "somebody.else", &[])
        .expect("a server");
    let (part, told) = bench.failure(&at(other));
    assert_eq!(part, "TLS", "a certificate for another name: {told}");
    assert!(told.contains("certificate not valid for name"), "{told}");

    let folder = tempfile::tempdir().expect("a folder");
    let strangers = Valkey::find(folder.path(), Arc::default())
        .expect("an authority")
        .expect("valkey-server is installed");
    let strange = free_address();
    let _strange = strangers.start(strange).expect("a server");
    let (part, told) = bench.failure(&at(strange));
    assert_eq!(part, "TLS", "an authority that nobody trusts: {told}");

    // It takes connections and never says a word.
    let hanging = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let silent = hanging.local_addr().expect("its address").port();
    let (part, told) = bench.failure(&json!({ "primary": endpoint("127.0.0.1", silent) }));
    assert_eq!(part, "TLS", "a port that hangs: {told}");
    assert!(told.contains("no answer within 5 s"), "{told}");

    let (part, told) = bench.failure(&json!({ "primary": endpoint("no.such.name.invalid", 6379) }));
    assert_eq!(part, "DNS", "a name that does not exist: {told}");

    let good = free_address();
    let _good = bench.valkey.start(good).expect("a server");
    let (part, told) = bench.failure(&json!({
        "primary": endpoint("127.0.0.1", good.port()),
        "reader": endpoint("127.0.0.1", closed.port()),
    }));
    assert_eq!(part, "connect", "{told}");
    assert!(told.starts_with("the reader endpoint 127.0.0.1:"), "{told}");

    let full = free_address();
    let _full = bench
        .valkey
        .start_as(
            full,
            "127.0.0.1",
            &["--maxmemory", "1", "--maxmemory-policy", "noeviction"],
        )
        .expect("a server");
    let (part, told) = bench.failure(&at(full));
    assert_eq!(part, "command", "a cache without memory: {told}");
    assert!(told.contains("OOM"), "{told}");
    drop(bench.folder);
}

#[test]
fn an_endpoint_is_published_once_it_answers_and_never_before() {
    let mut world = World::deploy_with(Settings {
        valkey: true,
        ..matrix::SETTINGS
    })
    .expect("a stack");
    let environment = world.environment();
    world
        .redeploy(&environment.network.verification_parameters())
        .expect("a proof");
    let nobody = Lifecycle {
        answers: false,
        ..Lifecycle::default()
    };
    for lifecycle in [nobody, Lifecycle::default()] {
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
        "a plan proves nothing: {plan:?}"
    );

    let other = world.environment();
    let others = world.run(&other.request());
    assert_eq!(others.status, "SUCCEEDED", "{others:?}");
    assert_eq!(
        others.output["verified"], false,
        "nobody took another backend's path: {others:?}"
    );
    assert!(!other.parameters(&world).is_empty());
}
