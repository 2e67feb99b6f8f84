//! Compares build options: builds representative functions with each option that differs from today's, and measures them in
//! turn.
//!
//! An option is a setting of the release profile, which cargo reads from the environment, or a change of the code. A change
//! is made in a copy of the checkout. Each option compiles the SDK again, so the arguments can name the options to build and
//! the functions to build with them. A program that was built from the same code is used again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use local::Workspace;

use super::candidate::{Candidate, Kind};
use super::package::{Package, in_mebibytes};
use super::run::Runner;
use super::step::Step;
use super::summary::in_milliseconds;
use super::tls::Tls;
use super::{Measured, measure, table};
use crate::report::Section;
use crate::versions::Program;

/// The functions that can be built: the one that runs most often, one with the SDK of DynamoDB, the one with the largest SDK
/// crate, and the one with the smallest.
const FUNCTIONS: [&str; 4] = [
    "check-replication-group",
    "claim-environment",
    "resolve-network",
    "start-workflow",
];
/// The functions that are built if none is named. They don't depend on `aws-sdk-ec2`, which takes longer to compile than all
/// other crates together.
const DEFAULT_FUNCTIONS: [&str; 2] = ["claim-environment", "start-workflow"];
/// The code that the functions are built from.
const SOURCES: [&str; 5] = [
    "HEAD:Cargo.lock",
    "HEAD:Cargo.toml",
    "HEAD:functions",
    "HEAD:rust-toolchain.toml",
    "HEAD:shared",
];
/// The name of the build that the others are compared with.
const TODAY: &str = "today";

/// A build option.
struct Build {
    name: &'static str,
    /// What differs from today's build.
    what: &'static str,
    /// The environment of cargo. `{bundle}` and `{authority}` are files with certificate authorities.
    environment: &'static [(&'static str, &'static str)],
    edits: &'static [Edit],
}

/// A change of a file: `from`, which it contains once, becomes `to`.
#[derive(Clone, Copy, Debug)]
struct Edit {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const RING_FEATURE: &str = "\"rustls-ring\"";
const TLS_PROVIDER: &str = ".tls_provider(Provider::Rustls(CryptoMode::Ring))";
const AWS_LC: [Edit; 2] = [
    Edit {
        file: "Cargo.toml",
        from: RING_FEATURE,
        to: "\"rustls-aws-lc\"",
    },
    Edit {
        file: "shared/step/src/aws.rs",
        from: TLS_PROVIDER,
        to: ".tls_provider(Provider::Rustls(CryptoMode::AwsLc))",
    },
];
const EMBEDDED_ROOTS: [Edit; 1] = [Edit {
    file: "shared/step/src/aws.rs",
    from: TLS_PROVIDER,
    to: ".tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(
            aws_smithy_http_client::tls::TlsContext::builder()
                .with_trust_store(
                    aws_smithy_http_client::tls::TrustStore::empty()
                        .with_pem_certificate(include_bytes!(env!(\"ENVCACHE_ROOTS\")).as_slice()),
                )
                .build()
                .expect(\"a TLS context\"),
        )",
}];
const FIRST_CALL: [Edit; 4] = [
    Edit {
        file: "functions/environment/src/bin/claim-environment.rs",
        from: "    step::run(",
        to: "    let key = aws_sdk_dynamodb::types::AttributeValue::S(\"first\".to_owned());
    let call = clients.records.dynamodb.get_item().table_name(&clients.records.name).key(\"environment\", key);
    let _ = call.send().await;\n    step::run(",
    },
    Edit {
        file: "functions/network/src/bin/resolve-network.rs",
        from: "    step::run(",
        to: "    let _ = clients.ec2.describe_vpcs().max_results(5).send().await;\n    step::run(",
    },
    Edit {
        file: "functions/replication-group/src/bin/check-replication-group.rs",
        from: "    step::run(",
        to: "    let _ = elasticache.describe_replication_groups().max_records(20).send().await;\n    step::run(",
    },
    Edit {
        file: "functions/start-workflow/src/bin/start-workflow.rs",
        from: "    step::run_labeled(",
        to: "    let _ = sfn.start_execution().state_machine_arn(&state_machines.provision).send().await;\n    step::run_labeled(",
    },
];
const SDK_CONFIG: &str = "step::sdk_config()";
const AWAITED_SDK_CONFIG: &str = "step::sdk_config().await";
/// `aws_config::defaults` is asynchronous, so the functions await `sdk_config`.
const DEFAULT_CHAIN: [Edit; 6] = [
    Edit {
        file: "shared/step/src/aws.rs",
        from: "pub fn sdk_config()",
        to: "pub async fn sdk_config()",
    },
    Edit {
        file: "shared/step/src/aws.rs",
        from: "    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials)
",
        to: "    drop(credentials);
    let mut config = aws_config::defaults(BehaviorVersion::latest())
        .load()
        .await
        .into_builder()
",
    },
    Edit {
        file: "functions/environment/src/bin/claim-environment.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
    Edit {
        file: "functions/network/src/bin/resolve-network.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
    Edit {
        file: "functions/replication-group/src/bin/check-replication-group.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
    Edit {
        file: "functions/start-workflow/src/bin/start-workflow.rs",
        from: SDK_CONFIG,
        to: AWAITED_SDK_CONFIG,
    },
];
const DEFAULT_FEATURES: [Edit; 7] = [
    DEFAULT_CHAIN[0],
    DEFAULT_CHAIN[1],
    DEFAULT_CHAIN[2],
    DEFAULT_CHAIN[3],
    DEFAULT_CHAIN[4],
    DEFAULT_CHAIN[5],
    Edit {
        file: "Cargo.toml",
        from: "aws-config = { version = \"1.13.0\", default-features = false, features = [\"rt-tokio\"] }",
        to: "aws-config = { version = \"1.13.0\" }",
    },
];
const ENV_FILTER: [Edit; 1] = [Edit {
    file: "shared/step/src/log.rs",
    from: "    let level = env::var(\"AWS_LAMBDA_LOG_LEVEL\");\n",
    to: "    if env::var_os(\"AWS_LAMBDA_FUNCTION_NAME\").is_some() {
        return lambda_runtime::tracing::init_default_subscriber();
    }
    let level = env::var(\"AWS_LAMBDA_LOG_LEVEL\");\n",
}];
const DEBUG_EVENTS: [Edit; 2] = [
    Edit {
        file: "Cargo.toml",
        from: ", features = [\"release_max_level_off\"]",
        to: "",
    },
    Edit {
        file: "Cargo.toml",
        from: ", features = [\"release_max_level_info\"]",
        to: "",
    },
];
const UNICODE_HOSTS: [Edit; 1] = [Edit {
    file: "Cargo.toml",
    from: "idna_adapter = \"=1.0.0\"",
    to: "idna_adapter = \"1.2\"",
}];

static BUILDS: [Build; 17] = [
    Build::profile(TODAY, "the build as it is", &[]),
    Build::profile(
        "lto-off",
        "no link-time optimization",
        &[("CARGO_PROFILE_RELEASE_LTO", "off")],
    ),
    Build::profile(
        "lto-thin",
        "thin link-time optimization",
        &[("CARGO_PROFILE_RELEASE_LTO", "thin")],
    ),
    Build::profile(
        "codegen-units-16",
        "16 code generation units",
        &[("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")],
    ),
    Build::profile(
        "panic-abort",
        "a panic ends the process",
        &[("CARGO_PROFILE_RELEASE_PANIC", "abort")],
    ),
    Build::profile(
        "opt-level-s",
        "optimized for size, with loops vectorized",
        &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")],
    ),
    Build::profile(
        "opt-level-3",
        "optimized for speed",
        &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")],
    ),
    Build::change("aws-lc", "aws-lc instead of ring", &[], &AWS_LC),
    // https://github.com/aws/aws-lc-rs/issues/899
    Build::change(
        "aws-lc-without-jitter",
        "aws-lc without its entropy from CPU jitter",
        &[("AWS_LC_SYS_NO_JITTER_ENTROPY", "1")],
        &AWS_LC,
    ),
    // With a copy of the system's authorities, as the crate webpki-root-certs would have it.
    Build::change(
        "embedded-roots",
        "the system's certificate authorities in the program",
        &[("ENVCACHE_ROOTS", "{bundle}")],
        &EMBEDDED_ROOTS,
    ),
    Build::change(
        "embedded-root",
        "only one certificate authority, in the program",
        &[("ENVCACHE_ROOTS", "{authority}")],
        &EMBEDDED_ROOTS,
    ),
    Build::change(
        "first-call",
        "one more call, during the init phase",
        &[],
        &FIRST_CALL,
    ),
    Build::change(
        "default-chain",
        "credentials from aws-config's chain of sources, not only from the environment",
        &[],
        &DEFAULT_CHAIN,
    ),
    Build::change(
        "default-features",
        "as `default-chain`, and aws-config with its default features, such as SSO",
        &[],
        &DEFAULT_FEATURES,
    ),
    Build::change(
        "env-filter",
        "a log filter with regular expressions, which `lambda_runtime` has by default",
        &[],
        &ENV_FILTER,
    ),
    Build::change(
        "debug-events",
        "the log events of all crates, of which only those from `INFO` on are ever shown",
        &[],
        &DEBUG_EVENTS,
    ),
    Build::change(
        "unicode-hosts",
        "the Unicode tables of host names, which `url` has by default",
        &[],
        &UNICODE_HOSTS,
    ),
];

impl Build {
    const fn profile(
        name: &'static str,
        what: &'static str,
        environment: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::change(name, what, environment, &[])
    }

    const fn change(
        name: &'static str,
        what: &'static str,
        environment: &'static [(&'static str, &'static str)],
        edits: &'static [Edit],
    ) -> Self {
        Self {
            name,
            what,
            environment,
            edits,
        }
    }
}

/// Returns whether a build or a function has this name.
pub fn is_selectable(name: &str) -> bool {
    BUILDS.iter().any(|build| build.name == name) || FUNCTIONS.contains(&name)
}

/// The builds and the functions of a run.
struct Selection {
    builds: Vec<&'static Build>,
    functions: Vec<&'static str>,
}

impl Selection {
    /// Returns the builds and the functions with these names. Without a name of a build, it has all builds, and without one
    /// of a function, the default functions. It always has today's build.
    fn of(names: &[String]) -> Self {
        let is_named = |name: &str| names.iter().any(|named| named == name);
        let names_build = BUILDS.iter().any(|build| is_named(build.name));
        let names_function = FUNCTIONS.iter().any(|&function| is_named(function));
        Self {
            builds: BUILDS
                .iter()
                .filter(|build| !names_build || build.name == TODAY || is_named(build.name))
                .collect(),
            functions: FUNCTIONS
                .into_iter()
                .filter(|&function| {
                    if names_function {
                        is_named(function)
                    } else {
                        DEFAULT_FUNCTIONS.contains(&function)
                    }
                })
                .collect(),
        }
    }
}

/// Builds the functions with each option that the arguments name, measures them, and returns the section of the results page.
///
/// # Errors
/// Returns an error if a build or a function fails.
pub fn run() -> Result<Section> {
    let names: Vec<_> = std::env::args().skip(1).collect();
    let Selection { builds, functions } = Selection::of(&names);
    let runner = Runner::create()?;
    let steps = Step::read_all()?;
    let sources = sources()?;
    let mut candidates = Vec::new();
    for build in &builds {
        let folder = make(build, &functions, &sources, runner.tls())
            .with_context(|| build.name.to_owned())?;
        for step in steps
            .iter()
            .filter(|step| functions.contains(&step.name.as_str()))
        {
            let program = folder.join(&step.name);
            candidates.push(Candidate::program(Kind::Function, &program, step));
        }
    }
    let packages = candidates
        .iter()
        .map(|candidate| Package::of(Path::new(&candidate.command[0])))
        .collect::<Result<Vec<_>>>()?;
    let measured = measure(&runner, &candidates)?;
    let tables: Vec<_> = functions
        .iter()
        .map(|function| table_of(function, &builds, &measured, &packages))
        .collect();
    let manifest = fs::read_to_string(Workspace::root().join("Cargo.toml"))?;
    let text = format!(
        "Each function is built by cargo for this machine with one difference at a time. Today's release profile has {}. \
         For AWS, cargo-lambda builds with the same profile for another target CPU. Packages and memory in MiB, times in ms, \
         instructions in millions over HTTPS. The init phase is the part of the time before the function asks for an \
         event.\n\n{}",
        release_profile(&manifest),
        tables.join("\n\n")
    );
    Ok(Section {
        marker: "options",
        programs: &[Program::Rustc, Program::Valgrind],
        text,
    })
}

/// Returns a function's table. There is one measurement and one package of it for each build.
fn table_of(
    function: &str,
    builds: &[&Build],
    measured: &[Measured],
    packages: &[Package],
) -> String {
    let rows: Vec<_> = measured
        .iter()
        .zip(packages)
        .filter(|(found, _)| found.name == function)
        .zip(builds)
        .map(|((found, package), build)| {
            let instructions = found
                .instructions
                .map_or_else(|| "–".to_owned(), |[_, tls]| table::millions(tls));
            format!(
                "| `{}` | {} | {:.2} | {} | {} | {:.1} | {} | {instructions} |",
                build.name,
                build.what,
                in_mebibytes(package.zipped),
                found.plain.milliseconds(),
                found.tls.milliseconds(),
                in_milliseconds(found.tls.init),
                found.tls.mebibytes(),
            )
        })
        .collect();
    format!(
        "### {function}\n\n\
         | build | difference | package | HTTP | HTTPS | init, HTTPS | memory | instructions |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n{}",
        rows.join("\n")
    )
}

/// Returns the settings of the release profile in a manifest, in Markdown.
fn release_profile(manifest: &str) -> String {
    let settings: Vec<_> = manifest
        .lines()
        .skip_while(|line| *line != "[profile.release]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| format!("`{line}`"))
        .collect();
    settings.join(", ")
}

/// Returns the versions of `SOURCES` that are checked out. They stay the same if a commit changes only other files.
fn sources() -> Result<String> {
    let output = Command::new("git")
        .arg("rev-parse")
        .args(SOURCES)
        .current_dir(Workspace::root())
        .output()
        .context("git")?;
    ensure!(
        output.status.success(),
        "git: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the functions in a copy of the checkout, except those that were already built from the same code. Returns the
/// folder with the programs.
fn make(build: &Build, functions: &[&str], sources: &str, tls: &Tls) -> Result<PathBuf> {
    let options = Workspace::root().join("target/options");
    let folder = options.join(build.name);
    let built_from = format!("{sources}{:?}\n{:?}\n", build.environment, build.edits);
    let marker = |function: &str| folder.join(format!("{function}.built-from"));
    let is_built = |function: &str| {
        fs::read_to_string(marker(function)).is_ok_and(|earlier| earlier == built_from)
    };
    let missing: Vec<_> = functions
        .iter()
        .copied()
        .filter(|&function| !is_built(function))
        .collect();
    if missing.is_empty() {
        return Ok(folder);
    }
    eprintln!("building {}: {}", build.name, missing.join(", "));
    let begin = Instant::now();
    let source = options.join("source");
    check_out(&source, build.edits)?;
    let target = options.join("build");
    let [bundle, authority] =
        [tls.bundle(), tls.authority()].map(|path| path.display().to_string());
    let environment = build.environment.iter().map(|(name, value)| {
        let value = value
            .replace("{bundle}", &bundle)
            .replace("{authority}", &authority);
        (*name, value)
    });
    // Without `--locked`, because an edit may add dependencies.
    execute(
        Command::new("cargo")
            .args(["build", "--release", "--target-dir"])
            .arg(&target)
            .args(missing.iter().flat_map(|function| ["--bin", *function]))
            .envs(environment)
            .current_dir(&source),
    )?;
    fs::create_dir_all(&folder)?;
    for function in missing {
        fs::copy(target.join("release").join(function), folder.join(function))?;
        fs::write(marker(function), &built_from)?;
    }
    eprintln!("built {} in {} s", build.name, begin.elapsed().as_secs());
    Ok(folder)
}

/// Copies the checkout to a folder, and changes the copy.
fn check_out(source: &Path, edits: &[Edit]) -> Result<()> {
    // Without the edits of an earlier option, and without files of an earlier commit.
    if source.exists() {
        fs::remove_dir_all(source)?;
    }
    let prefix = format!("--prefix={}/", source.display());
    execute(
        Command::new("git")
            .args(["checkout-index", "--all", "--force", &prefix])
            .current_dir(Workspace::root()),
    )?;
    for edit in edits {
        let path = source.join(edit.file);
        let text = fs::read_to_string(&path)?;
        fs::write(&path, edit.apply(&text)?)?;
    }
    Ok(())
}

impl Edit {
    fn apply(&self, text: &str) -> Result<String> {
        let Self { file, from, to } = self;
        ensure!(
            text.matches(from).count() == 1,
            "{file} doesn't contain this exactly once: {from}"
        );
        Ok(text.replace(from, to))
    }
}

fn execute(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| program.clone())?;
    ensure!(status.success(), "`{program}` failed: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use local::Workspace;

    use super::{BUILDS, Edit, Selection, is_selectable, release_profile};

    #[test]
    fn every_edit_still_applies() {
        for build in &BUILDS {
            for edit in build.edits {
                let path = Workspace::root().join(edit.file);
                let text = fs::read_to_string(path).expect("the file");

                let edited = edit.apply(&text).expect(build.name);

                assert_ne!(edited, text, "{}", build.name);
            }
        }
    }

    #[test]
    fn arguments_select_builds_and_functions() {
        let default = &["claim-environment", "start-workflow"];
        let cases: [([&str; 2], usize, &[&str]); 5] = [
            (["options", "options"], BUILDS.len(), default),
            (["options", "lto-off"], 2, default),
            (["options", "today"], 1, default),
            (
                ["options", "resolve-network"],
                BUILDS.len(),
                &["resolve-network"],
            ),
            (["lto-thin", "start-workflow"], 2, &["start-workflow"]),
        ];
        for (names, builds, functions) in cases {
            let found = Selection::of(&names.map(str::to_owned));

            assert_eq!(found.builds.len(), builds, "{names:?}");
            assert_eq!(found.functions, functions, "{names:?}");
        }
        assert!(is_selectable("lto-off") && is_selectable("resolve-network"));
        assert!(!is_selectable("options"));
    }

    #[test]
    fn rejects_an_edit_that_is_ambiguous() {
        let edit = Edit {
            file: "a.rs",
            from: "ring",
            to: "aws-lc",
        };

        assert_eq!(edit.apply("use ring;").expect("once"), "use aws-lc;");
        assert!(edit.apply("use ring::ring;").is_err());
        assert!(edit.apply("").is_err());
    }

    #[test]
    fn reads_the_settings_of_the_release_profile() {
        let manifest = "[profile.dev]\ndebug = false\n\n[profile.release]\nlto = \"fat\"\n# A reason.\nstrip = true\n\n\
                        [profile.x]\ndebug = true\n";

        assert_eq!(release_profile(manifest), "`lto = \"fat\"`, `strip = true`");
    }
}
