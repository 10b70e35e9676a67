//! The pipeline of Resonare Data Prep: Telegram exports in, token-bounded conversation blocks out.
//!
//! It is synchronous and pure: bytes come from [`std::io::Read`], outputs go to
//! [`std::io::Write`], tokens are counted by whatever implements [`Tokenizer`]. There is no
//! network, environment or clock in it. An export is read once, as a stream; what is in memory at a
//! time are the kept messages of one chat.
//!
//! [`Run`] is the way in; [`inspect()`] lists the chats and senders of an export.

mod check;
mod chunk;
mod emit;
mod error;
mod finish;
mod funnel;
mod input;
mod inspect;
mod json;
mod outcome;
mod pack;
mod roles;
mod run;
mod sender;
mod settings;
mod statistics;
mod target;
mod tokens;
mod waiting;

pub use check::{Checked, check};
pub use chunk::{LastMessage, Salvage};
pub use error::{Found, PipelineError, SenderCount};
pub use funnel::{
    ChatDrop, ChatFunnel, Dropped, DroppedChats, DroppedMessages, Funnel, MessageDrop,
    MessageFunnel,
};
pub use input::position::Position;
pub use input::source::Source;
pub use inspect::{InspectedChat, Inspection, inspect};
pub use json::mend::Mends;
pub use outcome::{Outcome, OutputName, RunFiles};
pub use run::{Failure, Outputs, Run};
pub use sender::Target;
pub use settings::{
    CHAT_TYPES, DateLimit, RoleOrder, Settings, TokenBudget, TokenLimits, TokenLimitsError,
};
pub use statistics::{BlockBreakdown, ChatBlocks, Range, Statistics, StatsFile};
pub use target::TargetChoice;
pub use tokens::{TokenCounter, Tokenizer, TokenizerInfo};
