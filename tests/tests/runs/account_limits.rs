//! What the account is like: new, or slow to take calls.

use envcache_tests::{World, matrix};

#[test]
fn the_first_use_of_an_account_succeeds_once_elasticache_has_its_role() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    world.gateway().forget_service_linked_role();
    let environment = world.environment();

    let ended = world.run(&environment.request());

    assert_eq!(ended.status, "SUCCEEDED", "{ended:?}");
    let asked = environment
        .fault_scope
        .call_times("EnsureSubnetGroup", "CreateCacheSubnetGroup");
    assert_eq!(asked.len(), 2, "refused for the role, then tried again");
}

#[test]
fn an_account_that_takes_few_calls_only_takes_longer() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    // Three a second in real time, in which the SDK waits; and two environments write four each.
    let per_second = 3.0 * matrix::SETTINGS.scale;
    world.gateway().limit("ssm", "PutParameter", 1, per_second);
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
        "a function tries a call twice: the state machine had to try again, after {throttled} refusals"
    );
}
