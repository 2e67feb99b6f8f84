//! The workflow under every fault of AWS.

use envcache_tests::World;
use envcache_tests::matrix::{self, Scenario, Spell, Undisturbed};

#[test]
fn each_call_of_a_first_run_may_fail_in_every_way() {
    let world = World::deploy_with(matrix::SETTINGS).expect("a stack");
    let machine = &world.stack.provision_state_machine_arn;
    let undisturbed = Undisturbed::run(&world, machine).expect("undisturbed runs");
    let cells = undisturbed.cells(&[Scenario::Create], &[Spell::First, Spell::Some]);

    let report = matrix::run(&undisturbed, &world, machine, &cells).expect("the matrix");

    println!("{}", report.table());
    assert!(
        report.wrong.is_empty(),
        "{} of {} cells ended wrong:\n{}",
        report.wrong.len(),
        cells.len(),
        report.wrong.join("\n")
    );
}
