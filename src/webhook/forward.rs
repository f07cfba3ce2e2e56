//! Requests that are passed on as they are, with answers as they come: to an API server that
//! stands behind this one.
//!
//! *Upstream:* `apimachinery/pkg/util/proxy/upgradeaware.go`.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{Caller, Target, connect};

impl Caller {
    /// Passes a request on to a target; the answer's body is still to come. The error is in Go's
    /// words.
    pub async fn forward(
        &self,
        target: &Target,
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>, String> {
        let pool = self.pool(target)?;
        let answered = pool.request(request.map(Full::new)).await;
        answered.map_err(|error| connect::words(&error))
    }
}
