//! Runs in an account without ElastiCache's service-linked role, and under API throttling.

use envcache_tests::{World, matrix};
use local::Settings;

#[test]
fn retries_until_the_service_linked_role_exists() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    world.gateway().forget_service_linked_role();
    let environment = world.environment();

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let attempts = environment
        .fault_scope
        .call_times("EnsureSubnetGroup", "CreateCacheSubnetGroup");
    assert_eq!(attempts.len(), 2, "rejected without the role, then retried");
}

#[test]
fn run_succeeds_when_parameter_store_throttles_calls() {
    // Two environments write four parameters each. Writing them takes 1.3 s of real time, which is how the SDK's waits
    // are measured. The state machine's waits have to be long enough not to end before that, however short its jitter
    // makes them.
    let settings = Settings {
        scale: 0.1,
        ..matrix::SETTINGS
    };
    let world = World::deploy_with(settings).expect("a stack");
    world
        .gateway()
        .limit("ssm", "PutParameter", 1, 6.0 * settings.scale);
    let environments = [world.environment(), world.environment()];

    let executions = environments
        .each_ref()
        .map(|environment| world.start(&environment.request()));

    for execution in executions {
        let ended = world.wait(&execution);
        assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    }
    let throttled = world.gateway().throttled();
    assert!(
        throttled > 2,
        "a function tries a call twice, so the state machine also had to retry: {throttled} throttled calls"
    );
}
