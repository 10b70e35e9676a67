//! What is the case at the moment, for whoever watches the service.

use std::time::Duration;

use jiff::Timestamp;
use resonare_http::{Fault, Health};
use resonare_jobs::causes;
use resonare_local::{Census, Database};
use tracing::warn;

use super::disk::{Disk, DiskSpace};
use super::health::ServiceHealth;

/// Where the state of the service is looked up.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) database: Database,
    pub(super) disk: Disk,
    pub(super) health: ServiceHealth,
    pub(super) model_id: String,
}

/// The state of the service.
pub(super) struct Snapshot {
    /// `None` if the database can't be read.
    pub(super) census: Option<Census>,
    pub(super) oldest_queued_age: Duration,
    /// `None` if the system does not say.
    pub(super) disk: Option<DiskSpace>,
    pub(super) faults: Vec<Fault>,
}

impl Watch {
    /// Looks at everything.
    pub(super) async fn look(&self) -> Snapshot {
        let health: &dyn Health = &self.health;
        let faults = health.all_faults(&self.model_id).await;
        let census = Census::take(&self.database).await;
        let census = census
            .inspect_err(|error| warn!("the jobs could not be counted: {}", causes(error)))
            .ok();
        let oldest = census.as_ref().and_then(|census| census.oldest_queued);
        let age = oldest.map(|oldest| Timestamp::now().duration_since(oldest));
        Snapshot {
            census,
            oldest_queued_age: age
                .and_then(|age| Duration::try_from(age).ok())
                .unwrap_or_default(),
            disk: self.disk.space().ok(),
            faults,
        }
    }
}
