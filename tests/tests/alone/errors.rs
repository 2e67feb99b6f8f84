//! Each error that `docs/operations.md` tells of is met, and what the page says is done: it helps.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::thread;

use contract::ErrorName;
use envcache_tests::{Ended, Environment, World, matrix, text, unmanaged, until};
use local::gateway::elasticache::{Lifecycle, Outcome};
use local::gateway::fault::{Fault, Rule, When};
use local::{Settings, Workspace};
use serde_json::{Value, json};

/// A stack that proves the endpoints of one environment.
struct Place {
    world: World,
    proved: Environment,
}

fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let settings = Settings {
            valkey: true,
            ..matrix::SETTINGS
        };
        let mut world = World::deploy_with(settings).expect("a stack");
        let proved = world.environment();
        world
            .redeploy(&proved.network.verification_parameters())
            .expect("a proof");
        Place { world, proved }
    })
}

fn world() -> &'static World {
    &place().world
}

/// A name that a run can end in, how it comes to that, and what helps.
struct ErrorCase {
    error: &'static str,
    /// The words of the page that are followed.
    advice: &'static str,
    /// Meets the error, does as the page says, and tells how both runs ended.
    play: fn(&Environment) -> (Ended, Ended),
}

const ERROR_CASES: [ErrorCase; 19] = [
    ErrorCase {
        error: "InvalidSpec",
        advice: "correct the field that the cause names",
        play: |environment| {
            let met = run(&environment.request_with("/cache", json!({ "replicas": 9 })));
            assert_names(&met, "cache.replicas");
            (
                met,
                run(&environment.request_with("/cache", json!({ "replicas": 0 }))),
            )
        },
    },
    ErrorCase {
        error: "NotFound",
        advice: "check that the VPC, the subnets, and the backend's security group of the request exist",
        play: |environment| {
            let request = with_backend(environment, "tasks");
            let met = run(&request);
            assert_names(&met, "`tasks`");
            let made = json!({
                "VpcId": environment.network.vpc, "GroupName": "tasks", "Description": "the backend",
            });
            world().call("ec2", "create_security_group", &made);
            (met, run(&request))
        },
    },
    ErrorCase {
        error: "Ambiguous",
        advice: "replace the name with one of the IDs that the cause lists",
        play: |environment| {
            let twin = json!({
                "CidrBlock": "10.0.0.0/16",
                "TagSpecifications": [
                    { "ResourceType": "vpc", "Tags": [{ "Key": "Name", "Value": environment.vpc }] }
                ],
            });
            world().call("ec2", "create_vpc", &twin);
            let met = run(&environment.request());
            assert_names(&met, &environment.network.vpc);
            let request = environment.request_with("/network/vpc", json!(environment.network.vpc));
            (met, run(&request))
        },
    },
    ErrorCase {
        error: "NotOwned",
        advice: "[adopt](adopt.md) it",
        play: |environment| {
            unmanaged::security_group(environment, world());
            let met = run(&environment.request());
            (met, run(&environment.request_with("/adopt", json!(true))))
        },
    },
    ErrorCase {
        error: "NotOwned",
        advice: "give the cache another name",
        play: |environment| {
            unmanaged::cache(environment, world(), &json!({}));
            let met = run(&environment.request());
            let other = json!({
                "name": format!("{}-other", environment.name),
                "subnetGroupName": format!("{}-other", environment.name),
            });
            (met, run(&environment.request_with("/cache", other)))
        },
    },
    ErrorCase {
        error: "Immutable",
        advice: "request the values that the cause lists as current",
        play: |environment| {
            assert_eq!(run(&environment.request()).status, "SUCCEEDED");
            let met = run(&environment.request_with("/cache", json!({ "port": 7000 })));
            (met, run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Immutable",
        advice: "[remove](removal.md) this one and request it again",
        play: |environment| {
            assert_eq!(run(&environment.request()).status, "SUCCEEDED");
            let request = environment.request_with("/cache", json!({ "port": 7000 }));
            let met = run(&request);
            assert_eq!(remove(environment).status, "SUCCEEDED");
            (met, run(&request))
        },
    },
    ErrorCase {
        error: "CreateFailed",
        advice: "correct the reason that ElastiCache gives, then start again; you don't have to delete anything",
        play: |environment| {
            let failing = || Lifecycle {
                outcome: Outcome::Failed {
                    reason: "insufficient free IP addresses".to_owned(),
                },
                ..Lifecycle::default()
            };
            for lifecycle in [failing(), failing(), Lifecycle::default()] {
                set_lifecycle(environment, lifecycle);
            }
            let met = run(&environment.request());
            assert_names(&met, "insufficient free IP addresses");
            (met, run(&environment.request()))
        },
    },
    ErrorCase {
        error: "InsufficientCapacity",
        advice: "or subnets in other zones",
        play: |environment| {
            let zones = ["ap-southeast-1a", "ap-southeast-1b"].map(str::to_owned);
            let cache = format!("{}-redis", environment.name);
            world().gateway().exhaust_capacity(&cache, zones.into());
            let met = run(&environment.request());
            let other = json!(["subnet-two", "subnet-three"]);
            (
                met,
                run(&environment.request_with("/network/subnets", other)),
            )
        },
    },
    ErrorCase {
        error: "QuotaExceeded",
        advice: "delete unused resources, or request an increase in Service Quotas",
        play: |environment| while_creation_fails(environment, Fault::QuotaExceeded),
    },
    ErrorCase {
        error: "InUse",
        advice: "remove what the cause names, then start again",
        play: |environment| {
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
            let met = remove(environment);
            assert_names(&met, user);
            world().call("ec2", "revoke_security_group_ingress", &rule);
            (met, remove(environment))
        },
    },
    ErrorCase {
        error: "Protected",
        advice: "start a provisioning run with `\"protect\": false`, then remove the cache again",
        play: |environment| {
            let protected = run(&environment.request_with("/protect", json!(true)));
            assert_eq!(protected.status, "SUCCEEDED", "{protected:?}");
            let met = remove(environment);
            assert_names(&met, "\"protect\": false");
            let lifted = run(&environment.request_with("/protect", json!(false)));
            assert_eq!(lifted.status, "SUCCEEDED", "{lifted:?}");
            (met, remove(environment))
        },
    },
    ErrorCase {
        error: "AccessDenied",
        advice: "compare the role's policy in `template.yaml`",
        play: |environment| while_creation_fails(environment, Fault::AccessDenied),
    },
    ErrorCase {
        error: "Throttled",
        advice: "check the AWS Health Dashboard, then start again",
        play: |environment| while_creation_fails(environment, Fault::Throttled),
    },
    ErrorCase {
        error: "ServiceUnavailable",
        advice: "check the AWS Health Dashboard, then start again",
        play: |environment| while_creation_fails(environment, Fault::Unavailable),
    },
    ErrorCase {
        error: "UnexpectedStatus",
        advice: "once it is *available*, start again",
        play: |environment| {
            let unheard = Outcome::Undocumented {
                status: "hibernating".to_owned(),
            };
            set_lifecycle(
                environment,
                Lifecycle {
                    outcome: unheard,
                    ..Lifecycle::default()
                },
            );
            let met = run(&environment.request());
            assert_names(&met, "hibernating");
            recover(environment);
            (met, run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Timeout",
        advice: "then start again",
        play: |environment| {
            // A run waits for 60 minutes, beside the time that its steps take.
            set_lifecycle(
                environment,
                Lifecycle {
                    creating: 85.0 * 60.0,
                    ..Lifecycle::default()
                },
            );
            (run(&environment.request()), run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Aborted",
        advice: "find out why, then start again",
        play: |environment| {
            let execution = world().start(&environment.request());
            until("the cache is asked for", || environment.cache(world()).ok());
            let stopped = json!({ "executionArn": execution, "cause": "maintenance" });
            world().call("stepfunctions", "stop_execution", &stopped);
            (world().wait(&execution), run(&environment.request()))
        },
    },
    ErrorCase {
        error: "Internal",
        advice: "start again; if it fails again, report the cause",
        play: |environment| while_creation_fails(environment, Fault::KilledBefore),
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

fn set_lifecycle(environment: &Environment, lifecycle: Lifecycle) {
    let cache = format!("{}-redis", environment.name);
    world().gateway().set_lifecycle(&cache, lifecycle);
}

fn recover(environment: &Environment) {
    let cache = format!("{}-redis", environment.name);
    world().gateway().recover(&cache);
}

/// A run while each try to create the cache fails, and one after that.
fn while_creation_fails(environment: &Environment, fault: Fault) -> (Ended, Ended) {
    environment.fault_scope.inject(Rule {
        step: "EnsureReplicationGroup".to_owned(),
        operation: "CreateReplicationGroup".to_owned(),
        when: When::Every,
        fault,
    });
    let met = run(&environment.request());
    environment.fault_scope.clear_faults();
    (met, run(&environment.request()))
}

#[track_caller]
fn assert_names(ended: &Ended, what: &str) {
    assert!(
        ended.cause.contains(what),
        "a person has to read {what:?} to act on it: {ended:?}"
    );
}

/// The page's advice, by error. One row may be about several.
fn advice() -> Vec<(String, String)> {
    let page = Workspace::root().join("docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, section) = page
        .split_once("## Troubleshoot errors")
        .expect("its section");
    let (section, _) = section.split_once("\n## ").expect("its end");
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
fn the_page_tells_of_every_error_and_each_is_met_here() {
    let told: BTreeSet<_> = advice().into_iter().map(|(error, _)| error).collect();
    // Step Functions' own word for an execution that somebody stopped.
    let all = ErrorName::ALL
        .map(ErrorName::as_str)
        .into_iter()
        .chain(["Aborted"]);
    assert_eq!(told, all.map(str::to_owned).collect(), "the page");
    // That of a proof needs the environment that is proved.
    let met = ERROR_CASES
        .iter()
        .map(|case| case.error)
        .chain(["EndpointUnreachable"]);
    assert_eq!(told, met.map(str::to_owned).collect(), "the cases");
    for case in &ERROR_CASES {
        assert!(
            advice()
                .iter()
                .any(|(error, text)| error == case.error && text.contains(case.advice)),
            "{}: the page does not say {:?}",
            case.error,
            case.advice
        );
    }
}

#[test]
fn each_error_is_announced_and_the_advice_of_the_page_helps() {
    thread::scope(|scope| {
        for case in &ERROR_CASES {
            // A panic tells the thread's name.
            let thread = thread::Builder::new().name(format!("{}: {}", case.error, case.advice));
            let play = move || {
                let environment = world().environment();
                let listener = world().listen("envcache");

                let (met, helped) = (case.play)(&environment);

                assert_ne!(met.status, "SUCCEEDED", "{met:?}");
                let told = listener.wait_for_error(&environment.name);
                assert_eq!(told["error"], case.error, "{met:?}");
                let tells = !text(&told["step"]).is_empty() && !text(&told["reason"]).is_empty();
                assert!(tells, "the step and the reason: {told}");
                assert_eq!(
                    helped.status, "SUCCEEDED",
                    "{}: {:?} does not help: {helped:?}",
                    case.error, case.advice
                );
            };
            thread.spawn_scoped(scope, play).expect("a thread");
        }
    });
}

#[test]
fn an_endpoint_that_did_not_answer_is_proved_anew_once_it_does() {
    let environment = &place().proved;
    set_lifecycle(
        environment,
        Lifecycle {
            answers: false,
            ..Lifecycle::default()
        },
    );
    let met = run(&environment.request());
    assert_eq!(met.error, "EndpointUnreachable", "{met:?}");
    assert_names(&met, ": connect: ");

    recover(environment);
    let helped = run(&environment.request());

    assert_eq!(helped.status, "SUCCEEDED", "{helped:?}");
    assert_eq!(helped.output["verified"], true, "{helped:?}");
}
