//! Following logs: from where, until when, and how it is left.

use std::fs::File;
use std::process::Child;

use crate::{
    docker,
    lab::{Lab, PATIENCE},
    wait,
};

/// A command that goes on, with what it has printed so far.
struct Going {
    child: Child,
    out: std::path::PathBuf,
}

impl Going {
    fn start(lab: &Lab, name: &str, args: &[&str]) -> Self {
        let out = lab.file(name, "");
        let file = File::create(&out).expect("a file");
        let mut command = lab.command(args);
        command.stdout(file.try_clone().expect("a second handle"));
        command.stderr(file);
        let child = command.spawn().expect("tercio starts");
        Self { child, out }
    }

    #[track_caller]
    fn prints(&self, word: &str) -> String {
        wait::until(&format!("{word:?} is printed"), PATIENCE, || {
            let out = std::fs::read_to_string(&self.out).expect("what was printed");
            match out.contains(word) {
                true => Ok(out),
                false => Err(out),
            }
        })
    }

    /// Presses Ctrl-C once and gives the exit code.
    #[track_caller]
    fn interrupt(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
        wait::until(
            "the command ends at the first Ctrl-C",
            PATIENCE,
            || match self.child.try_wait().expect("a child") {
                Some(status) => Ok(status.code()),
                None => Err("it goes on".into()),
            },
        )
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // It has ended already, or the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn up_follows_what_it_started_from_the_beginning_and_what_ran_before_from_now_on() {
    let mut lab = Lab::new();
    let project = lab.project("follow");
    let text = format!(
        "services:\n  web:\n    image: {}\n    command: [sh, -c, 'echo first; exec sleep 1000']\n",
        docker::busybox()
    );
    let file = lab.file("compose.yml", &text);
    let file = file.to_str().expect("UTF-8");
    let up = ["up", "--file", file, "-p", &project];

    let going = Going::start(&lab, "one.log", &up);
    going.prints("web-1  | first");
    let container = lab.running(&project, 1).remove(0);
    assert_eq!(going.interrupt(), Some(130));
    assert_eq!(lab.running(&project, 1).first(), Some(&container));

    let going = Going::start(&lab, "two.log", &up);
    going.prints("Attaching");
    let says = |word: &str| {
        let line = format!("echo {word} > /proc/1/fd/1");
        docker::docker(&["exec", &container, "sh", "-c", &line]);
    };
    // Written until it is heard: when the stream is open cannot be seen from here.
    let out = wait::until("a later line is printed", PATIENCE, || {
        says("later");
        let out = std::fs::read_to_string(&going.out).expect("what was printed");
        match out.contains("web-1  | later") {
            true => Ok(out),
            false => Err(out),
        }
    });
    assert!(!out.contains("first"), "{out}");
    assert_eq!(going.interrupt(), Some(130));

    let verb = ["compose", "-p", &project, "logs", "-f", "web"];
    let going = Going::start(&lab, "three.log", &verb);
    let out = going.prints("web-1  | later");
    assert!(out.contains("web-1  | first"), "{out}");
    assert_eq!(going.interrupt(), Some(130));

    let going = Going::start(&lab, "four.log", &verb);
    going.prints("web-1  | first");
    lab.tercio(&["down", "-p", &project]).ok();
    let mut going = going;
    let code = wait::until("following ends with the project", PATIENCE, || match going
        .child
        .try_wait()
        .expect("a child")
    {
        Some(status) => Ok(status.code()),
        None => Err("it goes on".into()),
    });
    assert_eq!(code, Some(0));
}

#[test]
fn an_attached_up_says_with_which_code_a_container_ended_and_another_up_that_it_is_tried_again() {
    let mut lab = Lab::new();
    let project = lab.project("ends");
    let text = format!(
        "services:\n  web:\n    image: {}\n    command: [sh, -c, 'echo hello; sleep 3; echo bye; exit 3']\n    restart: 'no'\n",
        docker::busybox()
    );
    let file = lab.file("compose.yml", &text);
    let up = lab.compose(&file, &project, &["up"]).ok();
    assert!(up.out.contains("web-1  | bye"), "{}", up.all());
    let said = up.err.matches("web-1 exited with code 3\n").count();
    assert_eq!(said, 1, "{}", up.all());

    let again = lab.compose(&file, &project, &["up", "-d"]).ok();
    let told = "nothing to change; what had failed for good is tried again: web.1";
    assert!(again.err.contains(told), "{}", again.all());
}
