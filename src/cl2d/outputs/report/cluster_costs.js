// What a run on the workers of a cluster cost beside computing.

function showCluster(use) {
  if (!use) return [];
  const megabytes = (value) => `${(value / 1e6).toFixed(2)} MB`;
  const workers = use.workers.map((worker) => [
    worker.address,
    `${worker.threads}`,
    `${worker.busy_seconds.toFixed(1)} s`,
    `${(worker.comparisons_per_second / 1e3).toFixed(1)}`,
  ]);
  const iterations = use.iterations.map((mean) => [
    `${mean.n_classes}`,
    `${mean.number}`,
    `${mean.seconds.toFixed(2)} s`,
    megabytes(mean.sent_bytes),
    megabytes(mean.received_bytes),
    percent(mean.waiting_share, 0),
  ]);
  const who = use.n_workers === 1 ? "1 worker" : `${use.n_workers} workers`;
  const summary =
    `Cluster (${who} waited ${percent(use.waiting_share, 0)} of the iterations; ` +
    `${megabytes(use.sent_bytes)} sent, ${megabytes(use.received_bytes)} received)`;
  const caption =
    workers.length < use.n_workers ? `The ${workers.length} slowest workers` : "Workers";
  return [
    table(
      summary,
      ["classes", "iterations", "each took", "sent", "received", "workers waited"],
      iterations,
    ),
    table(caption, ["worker", "threads", "busy", "1000 comparisons a second"], workers),
  ];
}
