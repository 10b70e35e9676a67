//! Servers that speak the protocols of S3, `DynamoDB` and SQS. `cargo xtask test` installs them.
//!
//! There are two, of different people: where they disagree, AWS's documentation decides.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use resonare_aws::{Clients, DynamoJobStore, S3ModelFiles, S3ObjectStore, SqsQueue};
use tokio::runtime::Handle;

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/aws/bin");

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ministack,
    Moto,
}

impl Program {
    fn command(self, port: u16) -> Command {
        let program = |name: &str| {
            let path = Path::new(PROGRAMS).join(name);
            assert!(
                path.exists(),
                "{name} is not installed; `cargo xtask test` installs it"
            );
            Command::new(path)
        };
        match self {
            Self::Ministack => {
                let mut command = program("ministack");
                command
                    .env("BIND_HOST", "127.0.0.1")
                    .env("GATEWAY_PORT", port.to_string())
                    .env("LOCALSTACK_HOSTNAME", format!("127.0.0.1:{port}"))
                    .env("IOT_MTLS_ENABLED", "0")
                    .env("SFTP_ENABLED", "0");
                command
            }
            Self::Moto => {
                let mut command = program("moto_server");
                command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
                command
            }
        }
    }
}

/// A running emulator, of this process alone.
pub(crate) struct Emulator {
    child: Child,
    pub(crate) clients: Clients,
}

impl Emulator {
    pub(crate) async fn start(program: Program) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let address = format!("127.0.0.1:{port}");
        let child = program
            .command(port)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < end, "the emulator does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        let configuration = resonare_aws::configuration().await.into_builder();
        let configuration = configuration
            .endpoint_url(format!("http://{address}"))
            .region(aws_config::Region::new("us-east-1"))
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(
                aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test"),
            ))
            .build();
        Self {
            child,
            clients: Clients::new(&configuration),
        }
    }

    /// The name of a new bucket.
    pub(crate) async fn bucket(&self) -> String {
        let name = "jobs".to_owned();
        let create = self.clients.s3.create_bucket().bucket(&name);
        create.send().await.unwrap();
        name
    }

    pub(crate) async fn objects(&self) -> S3ObjectStore {
        S3ObjectStore::new(self.clients.s3.clone(), self.bucket().await)
    }

    pub(crate) async fn model_files(&self) -> S3ModelFiles {
        let bucket = self.bucket().await;
        S3ModelFiles::new(self.clients.s3.clone(), bucket, Handle::current())
    }

    pub(crate) async fn queue(&self) -> SqsQueue {
        let create = self.clients.sqs.create_queue().queue_name("jobs");
        let url = create.send().await.unwrap().queue_url.unwrap();
        SqsQueue::new(self.clients.sqs.clone(), url)
    }

    pub(crate) async fn records(&self) -> DynamoJobStore {
        let attribute = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap()
        };
        let key = |name: &str, kind| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .unwrap()
        };
        let index = |name: &str, hash: &str, range: &str| {
            let keys_alone = Projection::builder().projection_type(ProjectionType::KeysOnly);
            GlobalSecondaryIndex::builder()
                .index_name(name)
                .key_schema(key(hash, KeyType::Hash))
                .key_schema(key(range, KeyType::Range))
                .projection(keys_alone.build())
                .build()
                .unwrap()
        };
        let attributes = ["pk", "owner", "owner_status", "created", "lane", "due"];
        self.clients
            .dynamodb
            .create_table()
            .table_name("jobs")
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes.map(attribute).to_vec()))
            .key_schema(key("pk", KeyType::Hash))
            .global_secondary_indexes(index("by-owner", "owner", "created"))
            .global_secondary_indexes(index("by-status", "owner_status", "created"))
            .global_secondary_indexes(index("by-due", "lane", "due"))
            .send()
            .await
            .unwrap();
        DynamoJobStore::new(self.clients.dynamodb.clone(), "jobs".to_owned())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _ended_before = self.child.wait();
    }
}
