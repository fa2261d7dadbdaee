//! What holds for every input.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lab_compose::render;
use lab_types::Severity;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::plan::Lab;
use crate::support::Files;

/// Real files to mutate: they reach every part of the reader.
const CORPUS: &[&str] = &[
    include_str!("../../testdata/config/anchors/compose.yml"),
    include_str!("../../testdata/config/depends/compose.yml"),
    include_str!("../../testdata/config/health/compose.yml"),
    include_str!("../../testdata/config/interpolation/compose.yml"),
    include_str!("../../testdata/config/merge/compose.yml"),
    include_str!("../../testdata/config/merge/override.yml"),
    include_str!("../../testdata/config/misc/compose.yml"),
    include_str!("../../testdata/config/networks/compose.yml"),
    include_str!("../../testdata/config/ports/compose.yml"),
    include_str!("../../testdata/config/scalars/compose.yml"),
    include_str!("../../testdata/config/volumes/compose.yml"),
];

/// Pieces that mean something to YAML or to Compose.
const PIECES: &[&str] = &[
    ":",
    "-",
    "\n",
    "  ",
    "\t",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!x ",
    "|",
    ">",
    "#",
    "%",
    "@",
    "`",
    "~",
    "null",
    "true",
    "$",
    "${",
    "}",
    "${U:-",
    "\\",
    "---\n",
    "0",
    "-1",
    "99999999999999999999",
    "1.5",
    "2020-01-01",
    "x-a: ",
    "services:",
    "image: ",
    "ü",
    "\u{feff}",
    "\r",
    "\0",
];

/// The loader answered: a project or an error, and every finding can be shown.
fn answered(files: &Files) -> Result<(), TestCaseError> {
    let error = |one: &lab_types::Diagnostic| one.severity == Severity::Error;
    let (config, printed) = files.loaded().to_print();
    prop_assert_ne!(config.is_some(), printed.iter().any(error));
    let (project, findings) = files.load();
    prop_assert_ne!(project.is_some(), findings.iter().any(error));
    prop_assert!(config.is_some() || project.is_none());
    for finding in &findings {
        prop_assert!(!finding.message.is_empty() && !finding.message.ends_with('.'));
        if let Some(location) = &finding.location {
            prop_assert!(location.line >= 1 && location.column >= 1);
        }
        prop_assert!(render::diagnostic(finding).ends_with('\n'));
    }
    if let Some(config) = config.filter(|config| !has_dollar_in_key(&config.to_json())) {
        // What is printed is read back as the same project, up to what it may not say.
        let again = Files::one(&config.to_yaml()).loaded().to_print();
        let texts = (config.to_json(), config.to_yaml());
        let again = again.0.map(|again| (again.to_json(), again.to_yaml()));
        prop_assert_eq!(again, Some(texts));
    }
    Ok(())
}

/// Docker Compose doubles dollar signs in keys as well, though it never reads variables there.
fn has_dollar_in_key(json: &str) -> bool {
    let keys = json.lines().filter_map(|line| line.split_once("\": "));
    keys.into_iter().any(|(key, _)| key.contains('$'))
}

#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Insert(Index, &'static str),
    Delete(Index, usize),
    Copy(Index, Index, usize),
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<Index>(), 1_usize..20).prop_map(|(at, length)| Edit::Delete(at, length)),
        (any::<Index>(), any::<Index>(), 1_usize..40)
            .prop_map(|(from, to, length)| Edit::Copy(from, to, length)),
    ]
}

pub(crate) fn edited(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        let size = chars.len() + 1;
        match edit {
            Edit::Insert(at, piece) => {
                let at = at.index(size);
                chars.splice(at..at, piece.chars());
            }
            Edit::Delete(at, length) => {
                let at = at.index(size);
                let end = (at + length).min(chars.len());
                chars.drain(at..end);
            }
            Edit::Copy(from, to, length) => {
                let from = from.index(size);
                let copied = chars[from..(from + length).min(chars.len())].to_vec();
                let to = to.index(size);
                chars.splice(to..to, copied);
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_loader_answers_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        answered(&Files::one(&String::from_utf8_lossy(&bytes)))?;
    }

    #[test]
    fn the_loader_answers_any_words(words in prop::collection::vec(select(PIECES), 0..60)) {
        answered(&Files::one(&words.concat()))?;
    }

    #[test]
    fn the_loader_answers_broken_files(text in select(CORPUS), edits in prop::collection::vec(edit(), 1..6)) {
        answered(&Files::one(&edited(text, &edits)))?;
    }

    #[test]
    fn the_loader_answers_broken_environment_files(text in ".{0,200}", edits in prop::collection::vec(edit(), 0..6)) {
        let base = include_str!("../../testdata/config/environment/a.env");
        let compose = "services: {w: {image: $A, env_file: a.env}}\n";
        let files = Files::one(compose).beside(".env", &text).beside("a.env", &edited(base, &edits));
        answered(&files)?;
    }
}

/// A project in words, so that it can be written down in different orders.
#[derive(Clone, Debug)]
struct Sketch {
    services: BTreeMap<String, Vec<String>>,
    sections: Vec<String>,
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["always", "no", "unless-stopped", "on-failure:2"])
            .prop_map(|word| format!("restart: {word}")),
        (0_u32..4).prop_map(|count| format!("deploy: {{replicas: {count}}}")),
        prop::collection::btree_map("[A-D]", "[a-z$]{0,4}", 0..4)
            .prop_map(|map| format!("environment: {}", flow(&map))),
        prop::collection::btree_map("[a-d]", "[a-z ]{0,4}", 0..4)
            .prop_map(|map| format!("labels: {}", flow(&map))),
        prop::collection::btree_set(1_u16..9, 0..3).prop_map(|set| {
            let ports: Vec<String> = set.iter().map(ToString::to_string).collect();
            format!("ports: [{}]", ports.join(", "))
        }),
        prop::collection::btree_set("[a-c]", 0..3).prop_map(|set| {
            let mounts: Vec<String> = set
                .iter()
                .map(|name| format!("\"vol{name}:/{name}\""))
                .collect();
            format!("volumes: [{}]", mounts.join(", "))
        }),
        prop::collection::btree_set("n[a-b]", 1..3).prop_map(|set| format!(
            "networks: [{}]",
            set.into_iter().collect::<Vec<_>>().join(", ")
        )),
        Just("healthcheck: {test: x, interval: 5s}".to_owned()),
        Just("build: .".to_owned()),
        Just("command: run it".to_owned()),
    ]
}

fn flow(map: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{key}: '{}'", value.replace('$', "$$")))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let service = prop::collection::vec(line(), 0..6);
    let services = prop::collection::btree_map("[a-f]", service, 1..6);
    let conditions = prop::collection::vec(
        select(vec!["started", "healthy", "completed_successfully"]),
        6,
    );
    (services, conditions, any::<u64>()).prop_map(|(mut services, conditions, edges)| {
        // Dependencies only on those before in some order, so that there is no cycle; not in the
        // order of the names, which would hide a planner that sorts by name.
        let names: Vec<String> = services.keys().cloned().collect();
        let names = shuffled(&names, edges);
        for (index, name) in names.iter().enumerate() {
            let lines = services.entry(name.clone()).or_default();
            // One line of a kind.
            let kind = |line: &String| line.split(':').next().unwrap_or_default().to_owned();
            lines.sort_by_key(kind);
            lines.dedup_by_key(|line| kind(line));
            lines.push("image: img".to_owned());
            let on: Vec<String> = (0..index)
                .filter(|earlier| (edges >> (index * 6 + earlier)) & 1 == 1)
                .map(|earlier| {
                    format!(
                        "{}: {{condition: service_{}}}",
                        names[earlier], conditions[earlier]
                    )
                })
                .collect();
            if !on.is_empty() {
                lines.push(format!("depends_on: {{{}}}", on.join(", ")));
            }
        }
        let sections = [
            "networks: {na: , nb: {labels: {l: v}}}",
            "volumes: {vola: , volb: , volc: {name: c}}",
        ];
        Sketch {
            services,
            sections: sections.map(str::to_owned).into(),
        }
    })
}

/// Orders a list by a seed.
fn shuffled<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let mut items = items.to_vec();
    let mut state = seed | 1;
    for index in (1..items.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap_or(0) % (index + 1);
        items.swap(index, other);
    }
    items
}

/// The project written down with everything in an order that `seed` decides.
fn written(sketch: &Sketch, seed: u64) -> String {
    let mut services = "services:\n".to_owned();
    let entries: Vec<_> = sketch.services.iter().collect();
    for (name, lines) in shuffled(&entries, seed) {
        let _ = writeln!(services, "  {name}:");
        for line in shuffled(lines, seed.rotate_left(7)) {
            let _ = writeln!(services, "    {line}");
        }
    }
    let mut sections = sketch.sections.clone();
    sections.push(services);
    shuffled(&sections, seed.rotate_left(13)).join("\n") + "\n"
}

/// The second project differs from the first, as an edited file does.
fn two() -> impl Strategy<Value = (Sketch, Sketch)> {
    (sketch(), sketch())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_things_are_written_changes_no_byte_of_a_plan(
        (before, after) in two(), seed in any::<u64>()
    ) {
        let lab = Lab::running(&Files::one(&written(&before, 0)).project(), &[]);
        let lab_again = Lab::running(&Files::one(&written(&before, seed)).project(), &[]);
        let plan = lab.plan(&Files::one(&written(&after, 0)).project());
        let again = lab_again.plan(&Files::one(&written(&after, seed)).project());
        prop_assert_eq!(serde_json::to_string(&plan).unwrap(), serde_json::to_string(&again).unwrap());
    }

    #[test]
    fn a_plan_that_was_applied_leaves_nothing_to_do((before, after) in two()) {
        let images = [("img", "sha256:1")];
        let before = Files::one(&written(&before, 0)).project();
        let after = Files::one(&written(&after, 0)).project();
        let lab = Lab::running(&before, &images);
        let plan = lab.plan(&after);
        let applied = lab.after(&plan);
        prop_assert_eq!(render::plan(&applied.plan(&after)), "nothing to do\n");
    }

    #[test]
    fn operations_come_after_those_they_need((before, after) in two()) {
        let lab = Lab::running(&Files::one(&written(&before, 0)).project(), &[]);
        let plan = lab.plan(&Files::one(&written(&after, 0)).project());
        let place = |resource: &str| plan.operations.iter().find(|one| one.resource == resource).map(|one| one.number);
        for (index, operation) in plan.operations.iter().enumerate() {
            prop_assert_eq!(operation.number as usize, index + 1);
            prop_assert!(operation.after.iter().all(|number| *number < operation.number));
            let service = operation.resource.strip_prefix("service:").and_then(|name| plan.model.services.get(name));
            for dependency in service.iter().flat_map(|service| service.depends_on.keys()) {
                let needed = place(&format!("service:{dependency}"));
                prop_assert!(needed.is_none_or(|needed| operation.after.contains(&needed)), "{operation}");
            }
        }
    }
}
