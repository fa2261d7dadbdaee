//! Every code a diagnostic of this crate can bear: the table the documentation is made from.

/// One kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// The stable code; never given a second meaning.
    pub code: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// What it means and what to do, a paragraph.
    pub text: &'static str,
}

macro_rules! codes {
    ($($name:ident, $code:literal, $title:literal, $text:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: CodeInfo = CodeInfo { code: $code, title: $title, text: $text };
        )*

        /// The whole table, by rising code.
        pub const ALL: &[CodeInfo] = &[$($name),*];
    };
}

codes! {
    YAML_SYNTAX, "CMP0001", "The file is not valid YAML",
        "The text cannot be read as YAML. The place named is where reading stopped; the mistake is there or shortly before: indentation, a missing colon or quote, a tab, an alias without an anchor.";
    DUPLICATE_KEY, "CMP0002", "A key occurs twice in one mapping",
        "Two entries of one mapping have the same key, so one of them would be lost. Both places are named; remove or rename one.";
    KEY_NOT_TEXT, "CMP0003", "A key is not text",
        "YAML reads the key as a number, a truth value, nothing or a collection. Put it in quotes.";
    TOO_LARGE, "CMP0004", "The file exceeds a limit",
        "The file is larger, nested deeper, or expands to more than any real project needs. The limits protect the planner from files made to exhaust it.";
    UNKNOWN_KEY, "CMP0005", "Unknown key",
        "Compose has no such attribute at this place. Check the spelling and the indentation. Your own data may stand under keys that begin with x-.";
    NOT_SUPPORTED, "CMP0006", "Tercio does not support this yet",
        "The attribute or value is Compose's, but Tercio cannot act on it yet. It is refused rather than ignored, so that what runs is what the file says. Remove it, or do what it does in another way.";
    WRONG_TYPE, "CMP0007", "A value has the wrong type",
        "The attribute wants another kind of value, such as a text instead of a number or a mapping instead of a list. Texts that look like numbers, dates or truth values need quotes.";
    INTERPOLATION, "CMP0008", "A variable reference cannot be read",
        "References are written $NAME, ${NAME} or ${NAME:-default}, with the operators :- - :+ + :? and ?. A dollar sign that should stay is written twice.";
    REQUIRED_VARIABLE, "CMP0009", "A required variable has no value",
        "The file asks for this variable with ${NAME:?message} or ${NAME?message}. Set it in the environment or in the .env file beside the Compose file.";
    UNSET_VARIABLE, "CMP0010", "A variable is not set",
        "The reference has no default, so it became an empty text. Set the variable, or write ${NAME:-} to say that empty is meant.";
    BAD_PORT, "CMP0011", "A port cannot be read",
        "Ports are written [[ADDRESS:]HOST:]CONTAINER[/tcp|/udp], with numbers from 1 to 65535 (0 on the host for any free one) or ranges of equal length.";
    BAD_DURATION, "CMP0012", "A duration cannot be read",
        "Durations are written with their units, such as 1m30s or 500ms; the units are w, d, h, m, s and ms.";
    BAD_NUMBER, "CMP0013", "A number cannot be read or is out of range",
        "The attribute wants a whole number in the stated range.";
    BAD_BOOLEAN, "CMP0014", "A truth value cannot be read",
        "The attribute wants true or false. The older words yes, no, on, off, y and n are understood with a warning.";
    BAD_NAME, "CMP0015", "A name is not allowed",
        "Names of services, networks and volumes hold letters, digits, '.', '_' and '-'. Names of projects hold lower-case letters, digits, '-' and '_', and start with a letter or digit.";
    BAD_MOUNT, "CMP0016", "A mount cannot be read",
        "Mounts are written [SOURCE:]TARGET[:ro]. A source that starts with '.', '/' or '~' is a path, any other is the name of a volume. The target is an absolute path in the container.";
    BAD_CHOICE, "CMP0017", "A value is not one of those allowed",
        "The attribute takes one of a few words, which the message lists.";
    BAD_PAIR, "CMP0018", "An entry is not KEY=VALUE",
        "In list form each entry is KEY=VALUE or KEY.";
    BAD_COMMAND, "CMP0019", "A command line cannot be split into words",
        "A quote is opened and not closed. Use the list form when a word needs unusual characters.";
    BAD_HEALTHCHECK, "CMP0020", "A health check cannot be read",
        "The test is a text for the container's shell, or a list that begins with CMD, CMD-SHELL or NONE.";
    NO_IMAGE, "CMP0021", "A service has neither image nor build",
        "A service needs an image to run, or a build that makes one.";
    UNDEFINED_NETWORK, "CMP0022", "A network is not defined",
        "The service joins a network that the top-level networks section does not define. Only the network named default needs no definition.";
    UNDEFINED_VOLUME, "CMP0023", "A volume is not defined",
        "The service mounts a named volume that the top-level volumes section does not define. A path needs a leading ./ or /.";
    UNDEFINED_SERVICE, "CMP0024", "A service is not defined",
        "depends_on names a service that the files do not define, or one of a profile that is not active.";
    DEPENDENCY_CYCLE, "CMP0025", "Services wait for one another",
        "Following depends_on leads back to the start, so none of these services could ever be first. Remove one of the dependencies.";
    PORT_TAKEN_TWICE, "CMP0026", "A host port is published twice",
        "Two services, or two tasks of one service, would publish the same port of the host. Choose another host port, or leave it out so that any free one is taken.";
    TARGET_TAKEN_TWICE, "CMP0027", "Two mounts have the same target",
        "Only one thing can be mounted at a path of the container.";
    ENV_FILE_MISSING, "CMP0028", "An environment file does not exist",
        "The path of `env_file` starts from the project's folder, that of `--env-file` from the current one. Write {path: FILE, required: false} when the file may be absent.";
    ENV_FILE_SYNTAX, "CMP0029", "A line of an environment file cannot be read",
        "Lines are KEY=VALUE, optionally after the word export; comments begin with #. Values in quotes may span lines and must be closed.";
    BAD_PROJECT_NAME, "CMP0030", "The project has no usable name",
        "A project name holds lower-case letters, digits, '-' and '_', and starts with a letter or digit. Set it with -p, with COMPOSE_PROJECT_NAME or with name: in the file.";
    NO_SERVICES, "CMP0031", "The files define no service",
        "There is nothing to run. A file whose services stand at the top level is in the format of version 1: put them under services:.";
    CANNOT_MERGE, "CMP0032", "A later file cannot override an earlier one here",
        "The two files give values of different kinds, such as a text and a mapping, that cannot be merged.";
    BAD_TAG, "CMP0033", "A YAML tag is not understood",
        "YAML's own tags (!!str, !!int, !!float, !!bool, !!null, !!seq, !!map) are read here, and those of Compose: !reset and !override. Any other changes nothing, which is told.";
    FILE_UNREADABLE, "CMP0034", "A file cannot be read",
        "The file exists, but reading it failed; the message says why.";
    BAD_DEFINITION, "CMP0035", "Attributes contradict one another",
        "The attributes named cannot stand together, or one of them needs another.";
    TOO_MANY_FINDINGS, "CMP0036", "There are more findings than are shown",
        "The rest is left out. Correct what is shown and look again.";
    OLD_BOOLEAN, "CMP0037", "An older word for true or false",
        "YAML 1.2 knows only true and false. The word is understood, but better replaced.";
    UNQUOTED_DATE, "CMP0038", "A date stands without quotes",
        "YAML reads it as a point in time, which no attribute of Compose takes. Put it in quotes.";
    IMAGE_BUILT_TWICE, "CMP0039", "Two services build one image from different things",
        "Their `image` is the same and their `build` is not: only one would be built, and both would run it. Give one of them another image.";
    OBSOLETE, "CMP0040", "An attribute has no meaning any more",
        "Older files say here which version of the format they are in. There is one format now; remove the attribute.";
    LABELS_KEPT, "CMP0041", "An object keeps the labels it was made with",
        "No engine changes the labels of a network or volume that exists. The lab's record says what the files ask for; the object itself has the new labels when it is made anew.";
    HOST_PATH, "CMP0042", "A path of the host is mounted in a lab of several nodes",
        "A bind mount shows a path of the node that runs the task, and the task may run on any node. Put the content into the image or into a named volume, or see that every node has the path; a node that takes no tasks (`tercio node update NODE --availability pause`) does not count.";
    FILE_MISSING, "CMP0043", "A file that another one names does not exist",
        "Paths in `extends` and `include` start from the project's folder, in an included file from that file's own. The path that was looked for is told.";
    EXTENDS, "CMP0044", "A service cannot be extended",
        "`extends` names a service of the same document, or of the file that is named, and no service may lead back to itself.";
    INCLUDE, "CMP0045", "A file cannot be included",
        "Following `include` leads back to a file that is being read already. Remove one of the entries.";
    INCLUDE_CONFLICT, "CMP0046", "An included file defines what is defined already",
        "A service, network, volume, secret or config is defined both in an included file and in the one that includes it, or in two included files, and the two differ. Rename one of them; to change something that is included, lay a file over it: `include: [{path: [FILE, OVERRIDE]}]`.";
    VERSION_1, "CMP0047", "The file is in the format of version 1",
        "Services stand under the key `services` since version 2 of the format. Put them there, and rename what the further findings name.";
    BAD_SIZE, "CMP0048", "A size cannot be read",
        "Sizes are numbers of bytes, or numbers with a unit: b, k, m, g, t or p, each 1024 times the one before, as in 512m or 1.5g.";
    BAD_DEVICE, "CMP0049", "A device cannot be read",
        "Devices are written SOURCE[:TARGET[:PERMISSIONS]], as in /dev/ttyUSB0:/dev/ttyUSB0:rw, or in the long form with the keys source, target and permissions.";
    UNDEFINED_OBJECT, "CMP0050", "A config, secret or model is not defined",
        "The service uses something by a name that the section at the top level does not define.";
    NAME_TAKEN_TWICE, "CMP0051", "Two services want the same container name",
        "A `container_name` can be borne by one container only. Give one of them another name.";
    LISTED_TWICE, "CMP0052", "A list holds the same thing twice",
        "The list must not hold equal entries, also not from two files. Remove one of them.";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn the_codes_are_numbered_without_gaps_and_explained() {
        for (index, info) in ALL.iter().enumerate() {
            assert_eq!(info.code, format!("CMP{:04}", index + 1));
            assert!(
                info.text.ends_with('.') && !info.title.ends_with('.'),
                "{}",
                info.code
            );
        }
    }
}
