use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::{Config, Error, Format, Guard, Problem, field, subscriber};
use crate::config::Validate as _;

/// Collects what is written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Paper {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn told(format: Format, colours: bool, work: impl FnOnce(&Guard)) -> String {
    let config = Config {
        format,
        ..Config::default()
    };
    let paper = Paper::default();
    let (subscriber, guard) = subscriber(&config, colours, paper.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, || work(&guard));
    paper.text()
}

#[test]
fn json_lines_carry_message_fields_and_spans() {
    let text = told(Format::Json, false, |_| {
        let span = tracing::info_span!("reconcile", { field::GENERATION } = 7);
        span.in_scope(|| tracing::info!({ field::NODE_ID } = "n1", "node joined"));
    });
    for expected in [
        r#""message":"node joined""#,
        r#""node_id":"n1""#,
        r#""generation":7"#,
        r#""level":"INFO""#,
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    assert!(text.starts_with('{') && text.ends_with("}\n"));
}

#[test]
fn a_panic_of_a_task_that_a_library_runs_is_told_under_its_name() {
    let text = told(Format::Human, false, |_| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let task = async { panic!("out of reach") };
        let ended = async { crate::task::detached("lease", task).await };
        runtime.unwrap().block_on(ended).unwrap();
    });
    assert!(
        text.contains("lease") && text.contains("out of reach"),
        "{text}"
    );
}

#[test]
fn colours_are_there_only_when_asked_for() {
    let speak = |_: &Guard| tracing::info!("hello");
    assert!(told(Format::Human, true, speak).contains('\u{1b}'));
    let plain = told(Format::Human, false, speak);
    assert!(!plain.contains('\u{1b}') && plain.contains("hello"));
}

#[test]
fn the_filter_hides_and_can_be_changed_while_running() {
    let text = told(Format::Human, false, |guard| {
        tracing::debug!("before");
        guard.set_filter("debug").unwrap();
        tracing::debug!("after");
        assert!(guard.set_filter("debug=not=a=filter").is_err());
        tracing::debug!("still");
    });
    assert!(!text.contains("before"), "{text}");
    assert!(text.contains("after") && text.contains("still"), "{text}");
}

#[test]
fn a_filter_that_is_none_is_refused_before_anything_is_told() {
    let config = Config {
        filter: "lab_bus=loud".to_owned(),
        ..Config::default()
    };
    assert_eq!(config.problems().len(), 1);
    let Err(error) = subscriber(&config, false, Paper::default()) else {
        panic!("accepted");
    };
    assert!(matches!(error, Error::Filter { .. }));
    let problem = Problem::from(&error);
    assert_eq!(problem.code.0, "KIT0010");
    assert!(problem.message.contains("lab_bus=loud"), "{problem}");
}

#[test]
fn no_field_name_stands_twice() {
    let distinct: BTreeSet<_> = field::ALL.iter().collect();
    assert_eq!(distinct.len(), field::ALL.len());
}
