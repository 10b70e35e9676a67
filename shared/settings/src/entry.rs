//! What the table says about a key.

use crate::kind::Kind;

/// Who may set a key, and where; each scope includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The operator, in the file, the environment and on the command line.
    Operator,
    /// A request, but not in its query, which logs keep.
    Request,
    /// A request, also in its query.
    Query,
}

/// How a key is set on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLineOption {
    /// The option's name, without the dashes.
    pub name: &'static str,
    /// The placeholder for its value in the help.
    pub value: &'static str,
}

/// The entry of a key in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name; a dot stands between a group and the key.
    pub name: &'static str,
    /// Another spelling that is read everywhere.
    pub alias: Option<&'static str>,
    /// Who may set it.
    pub scope: Scope,
    /// What its value may be.
    pub kind: Kind,
    /// The value that applies if nothing is set, as text; `None` means null.
    pub default: Option<&'static str>,
    /// What null means, for people.
    pub null_means: Option<&'static str>,
    /// Its option on the command line.
    pub option: Option<CommandLineOption>,
    /// Whether a job keeps its value: what shapes the result is kept, places are not.
    pub is_frozen: bool,
    /// The key whose value may set it where nobody else does.
    pub set_by: Option<&'static str>,
    /// Whether it is a parameter of the application on AWS.
    pub is_parameter: bool,
    /// One line of help.
    pub help: &'static str,
}

impl Entry {
    /// An operator's key that a job keeps.
    pub(crate) const OF_OPERATOR: Self = Self {
        name: "",
        alias: None,
        scope: Scope::Operator,
        kind: Kind::Text,
        default: None,
        null_means: None,
        option: None,
        is_frozen: true,
        set_by: None,
        is_parameter: true,
        help: "",
    };

    /// A key about files or buckets of the machine that `prepare` runs on.
    pub(crate) const OF_MACHINE: Self = Self {
        is_frozen: false,
        is_parameter: false,
        ..Self::OF_OPERATOR
    };

    /// A key that a request may set, also in its query.
    pub(crate) const OF_REQUEST: Self = Self {
        scope: Scope::Query,
        ..Self::OF_OPERATOR
    };

    /// A request's key whose values are private, and too many for a function's environment.
    pub(crate) const OF_PRIVATE_LIST: Self = Self {
        scope: Scope::Request,
        is_parameter: false,
        ..Self::OF_OPERATOR
    };

    /// A request's key that a consumer may set.
    pub(crate) const OF_PRESET: Self = Self {
        set_by: Some("consumer"),
        ..Self::OF_REQUEST
    };
}

/// An option, and the placeholder for its value in the help.
pub(crate) const fn option(name: &'static str, value: &'static str) -> CommandLineOption {
    CommandLineOption { name, value }
}
