//! Reproduces every error that `docs/operations.md` documents, and checks that the page's advice resolves it.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::thread;

use contract::ErrorName;
use envcache_tests::{Ended, Environment, World, matrix, text, unmanaged, until};
use local::gateway::elasticache::{Lifecycle, Outcome, ZoneRejection};
use local::gateway::fault::{Fault, Rule, When};
use local::{Settings, Workspace};
use serde_json::{Value, json};

/// A stack that verifies the endpoint of one environment.
struct Setup {
    world: World,
    verified: Environment,
}

fn setup() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let settings = Settings {
            valkey: true,
            ..matrix::SETTINGS
        };
        let mut world = World::deploy_with(settings).expect("a stack");
        let verified = world.environment();
        world
            .redeploy(&verified.network.verification_parameters())
            .expect("a deployment");
        Setup { world, verified }
    })
}

fn world() -> &'static World {
    &setup().world
}

/// An error name, with the advice for it and a function that reproduces the error and follows the advice.
struct ErrorCase {
    error: &'static str,
    /// The part of the page's advice that the case follows.
    advice: &'static str,
    /// Reproduces the error, follows the advice, and returns how both runs ended.
    reproduce: fn(&Environment) -> (Ended, Ended),
}

const ERROR_CASES: [ErrorCase; 20] = [
    ErrorCase {
        error: "InvalidSpec",
        advice: "correct the field that the cause names",
        reproduce: |environment| {
            let failed = run(&environment.request_with("/cache", json!({ "replicas": 9 })));
            assert_names(&failed, "cache.replicas");
            (
                failed,
                run(&environment.request_with("/cache", json!({ "replicas": 0 }))),
            )
        },
    },
    ErrorCase {
        error: "NotFound",
        advice: "check that the VPC, the subnets, and the backend's security group of the request exist",
        reproduce: |environment| {
            let request = with_backend(environment, "tasks");
            let failed = run(&request);
            assert_names(&failed, "`tasks`");
            let group = json!({
                "VpcId": environment.network.vpc, "GroupName": "tasks", "Description": "the backend",
            });
            world().call("ec2", "create_security_group", &group);
            (failed, run(&request))
        },
    },
    ErrorCase {
        error: "Ambiguous",
        advice: "replace the name with one of the IDs that the cause lists",
        reproduce: |environment| {
            let twin = json!({
                "CidrBlock": "10.0.0.0/16",
                "TagSpecifications": [
                    { "ResourceType": "vpc", "Tags": [{ "Key": "Name", "Value": environment.vpc }] }
                ],
            });
            world().call("ec2", "create_vpc", &twin);
            let failed = run(&environment.request());
            assert_names(&failed, &environment.network.vpc);
            let request = environment.request_with("/network/vpc", json!(environment.network.vpc));
            (failed, run(&request))
        },
    },
    ErrorCase {
        error: "NotOwned",
        advice: "[adopt](adopt.md) it",
        reproduce: |environment| {
            unmanaged::security_group(environment, world());
            let failed = run(&environment.request());
            (
                failed,
                run(&environment.request_with("/adopt", json!(true))),
            )
        },
    },
    ErrorCase {
        error: "NotOwned",
        advice: "give the cache another name",
        reproduce: |environment| {
            unmanaged::cache(environment, world(), &json!({}));
            let failed = run(&environment.request());
            let other = json!({
                "name": format!("{}-other", environment.name),
                "subnetGroupName": format!("{}-other", environment.name),
            });
            (failed, run(&environment.request_with("/cache", other)))
        },
    },
    ErrorCase {
        error: "Immutable",
        advice: "request the values that the cause lists as current",
        reproduce: |environment| {
            assert_eq!(run(&environment.request()).status, "SUCCEEDED");
            let failed = run(&environment.request_with("/cache", json!({ "port": 7000 })));
            (failed, run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Immutable",
        advice: "[remove](removal.md) this one and request it again",
        reproduce: |environment| {
            assert_eq!(run(&environment.request()).status, "SUCCEEDED");
            let request = environment.request_with("/cache", json!({ "port": 7000 }));
            let failed = run(&request);
            assert_eq!(remove(environment).status, "SUCCEEDED");
            (failed, run(&request))
        },
    },
    ErrorCase {
        error: "Immutable",
        advice: "For pending changes, set `apply` to `now`",
        reproduce: |environment| {
            assert_eq!(run(&environment.request()).status, "SUCCEEDED");
            let cache = json!({ "nodeType": "cache.t3.small" });
            let mut request = environment.request_with("/cache", cache);
            request["apply"] = json!("window");
            assert_eq!(run(&request).status, "SUCCEEDED");
            request["cache"]["replicas"] = json!(1);
            let failed = run(&request);
            request["apply"] = json!("now");
            (failed, run(&request))
        },
    },
    ErrorCase {
        error: "CreateFailed",
        advice: "correct the reason that ElastiCache gives, then start again; you don't have to delete anything",
        reproduce: |environment| {
            let failing = || Lifecycle {
                outcome: Outcome::Failed {
                    reason: "insufficient free IP addresses".to_owned(),
                },
                ..Lifecycle::default()
            };
            for lifecycle in [failing(), failing(), Lifecycle::default()] {
                environment.set_lifecycle(world(), lifecycle);
            }
            let failed = run(&environment.request());
            assert_names(&failed, "insufficient free IP addresses");
            (failed, run(&environment.request()))
        },
    },
    ErrorCase {
        error: "InsufficientCapacity",
        advice: "or subnets in other zones",
        reproduce: |environment| {
            let zones = ["ap-southeast-1a", "ap-southeast-1b"].map(str::to_owned);
            let cache = format!("{}-redis", environment.name);
            world()
                .gateway()
                .reject_zones(&cache, zones.into(), ZoneRejection::NoCapacity);
            let failed = run(&environment.request());
            let other = json!(["subnet-two", "subnet-three"]);
            (
                failed,
                run(&environment.request_with("/network/subnets", other)),
            )
        },
    },
    ErrorCase {
        error: "QuotaExceeded",
        advice: "delete unused resources, or request an increase in Service Quotas",
        reproduce: |environment| while_creation_fails(environment, Fault::QuotaExceeded),
    },
    ErrorCase {
        error: "InUse",
        advice: "remove what the cause names, then start again",
        reproduce: |environment| {
            assert_eq!(run(&environment.request()).status, "SUCCEEDED");
            let tagged = json!({ "Filters": [
                { "Name": "tag:envcache:environment", "Values": [environment.name] }
            ] });
            let found = world().call("ec2", "describe_security_groups", &tagged);
            let user = &environment.network.backend_security_group;
            let rule = json!({
                "GroupId": user,
                "IpPermissions": [{
                    "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                    "UserIdGroupPairs": [{ "GroupId": found["SecurityGroups"][0]["GroupId"] }],
                }],
            });
            world().call("ec2", "authorize_security_group_ingress", &rule);
            let failed = remove(environment);
            assert_names(&failed, user);
            world().call("ec2", "revoke_security_group_ingress", &rule);
            (failed, remove(environment))
        },
    },
    ErrorCase {
        error: "Protected",
        advice: "start a provisioning run with `\"protect\": false`, then remove the cache again",
        reproduce: |environment| {
            let protected = run(&environment.request_with("/protect", json!(true)));
            assert_eq!(protected.status, "SUCCEEDED", "{protected:?}");
            let failed = remove(environment);
            assert_names(&failed, "\"protect\": false");
            let lifted = run(&environment.request_with("/protect", json!(false)));
            assert_eq!(lifted.status, "SUCCEEDED", "{lifted:?}");
            (failed, remove(environment))
        },
    },
    ErrorCase {
        error: "AccessDenied",
        advice: "Allow the call for the step's role again",
        reproduce: |environment| while_creation_fails(environment, Fault::AccessDenied),
    },
    ErrorCase {
        error: "Throttled",
        advice: "raise the quota if AWS allows it, then start again",
        reproduce: |environment| while_creation_fails(environment, Fault::Throttled),
    },
    ErrorCase {
        error: "ServiceUnavailable",
        advice: "check the AWS Health Dashboard, then start again",
        reproduce: |environment| while_creation_fails(environment, Fault::Unavailable),
    },
    ErrorCase {
        error: "UnexpectedStatus",
        advice: "once it is *available*, start again",
        reproduce: |environment| {
            let undocumented = Outcome::Undocumented {
                status: "hibernating".to_owned(),
            };
            environment.set_lifecycle(
                world(),
                Lifecycle {
                    outcome: undocumented,
                    ..Lifecycle::default()
                },
            );
            let failed = run(&environment.request());
            assert_names(&failed, "hibernating");
            recover(environment);
            (failed, run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Timeout",
        advice: "Then start again",
        reproduce: |environment| {
            // The first run waits for 60 minutes, in addition to the time that its steps take, which is long on a busy
            // machine. The second one waits for up to another 60.
            environment.set_lifecycle(
                world(),
                Lifecycle {
                    creating: 110.0 * 60.0,
                    ..Lifecycle::default()
                },
            );
            (run(&environment.request()), run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Aborted",
        advice: "otherwise, start again",
        reproduce: |environment| {
            let slow = Lifecycle {
                creating: 600.0,
                ..Lifecycle::default()
            };
            environment.set_lifecycle(world(), slow);
            let execution = world().start(&environment.request());
            until("the cache to be requested", || {
                environment.cache(world()).ok()
            });
            let stopped = json!({ "executionArn": execution, "cause": "maintenance" });
            world().call("stepfunctions", "stop_execution", &stopped);
            (world().wait(&execution), run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Internal",
        advice: "start again; if it fails again, open an issue",
        reproduce: |environment| while_creation_fails(environment, Fault::KilledBefore),
    },
];

fn run(request: &Value) -> Ended {
    world().run(request)
}

fn remove(environment: &Environment) -> Ended {
    world().remove(&json!({ "environment": environment.name }))
}

fn with_backend(environment: &Environment, name: &str) -> Value {
    environment.request_with("/network/backendSecurityGroup", json!(name))
}

fn recover(environment: &Environment) {
    let cache = format!("{}-redis", environment.name);
    world().gateway().recover(&cache);
}

/// Runs a request while every attempt to create the cache fails, and again without the fault.
fn while_creation_fails(environment: &Environment, fault: Fault) -> (Ended, Ended) {
    environment.fault_scope.inject(Rule {
        step: "EnsureReplicationGroup".to_owned(),
        operation: "CreateReplicationGroup".to_owned(),
        when: When::Every,
        fault,
    });
    let failed = run(&environment.request());
    environment.fault_scope.clear_faults();
    (failed, run(&environment.request()))
}

#[track_caller]
fn assert_names(ended: &Ended, text: &str) {
    assert!(
        ended.cause.contains(text),
        "the cause doesn't name {text:?}: {ended:?}"
    );
}

/// Returns each documented error with its row's text. A row can list several errors.
fn advice() -> Vec<(String, String)> {
    let page = Workspace::root().join("docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, section) = page
        .split_once("## Troubleshoot errors")
        .expect("the section about errors");
    let (section, _) = section.split_once("\n## ").expect("the next section");
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "))
        .flat_map(|(names, advice)| {
            names
                .split(", ")
                .map(|name| (name.trim_matches('`').to_owned(), advice.to_owned()))
        })
        .collect()
}

#[test]
fn every_error_is_documented_and_reproduced() {
    let documented: BTreeSet<_> = advice().into_iter().map(|(error, _)| error).collect();
    // Step Functions' name for an execution that a user stopped.
    let all = ErrorName::ALL
        .map(ErrorName::as_str)
        .into_iter()
        .chain(["Aborted"]);
    assert_eq!(documented, all.map(str::to_owned).collect(), "the page");
    // The error of a verification needs the environment whose endpoint is verified.
    let reproduced = ERROR_CASES
        .iter()
        .map(|case| case.error)
        .chain(["EndpointUnreachable"]);
    assert_eq!(
        documented,
        reproduced.map(str::to_owned).collect(),
        "the cases"
    );
    for case in &ERROR_CASES {
        assert!(
            advice()
                .iter()
                .any(|(error, text)| error == case.error && text.contains(case.advice)),
            "{}: the page doesn't contain {:?}",
            case.error,
            case.advice
        );
    }
}

#[test]
fn documented_advice_resolves_each_announced_error() {
    thread::scope(|scope| {
        for case in &ERROR_CASES {
            // A panic message contains the thread's name.
            let thread = thread::Builder::new().name(format!("{}: {}", case.error, case.advice));
            let run_case = move || {
                let environment = world().environment();
                let listener = world().listen("envcache");

                let (failed, resolved) = (case.reproduce)(&environment);

                assert_ne!(failed.status, "SUCCEEDED", "{failed:?}");
                let announced = listener.wait_for_error(&environment.name);
                assert_eq!(announced["error"], case.error, "{failed:?}");
                for field in ["step", "reason"] {
                    assert!(!text(&announced[field]).is_empty(), "{field}: {announced}");
                }
                assert_eq!(
                    resolved.status, "SUCCEEDED",
                    "{}: {:?} doesn't resolve it: {resolved:?}",
                    case.error, case.advice
                );
            };
            thread.spawn_scoped(scope, run_case).expect("a thread");
        }
    });
}

#[test]
fn endpoint_is_verified_again_after_it_recovers() {
    let environment = &setup().verified;
    environment.set_lifecycle(
        world(),
        Lifecycle {
            answers: false,
            ..Lifecycle::default()
        },
    );
    let failed = run(&environment.request());
    assert_eq!(failed.error, "EndpointUnreachable", "{failed:?}");
    assert_names(&failed, ": connect: ");

    recover(environment);
    let resolved = run(&environment.request());

    assert_eq!(resolved.status, "SUCCEEDED", "{resolved:?}");
    assert_eq!(resolved.output["verified"], true, "{resolved:?}");
}
