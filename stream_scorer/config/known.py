"""Names of the properties that other software takes: librdkafka, the registry client, the runtime.

They resolve ``SASL_PASSWORD`` in the environment to ``sasl.password`` and turn a typo into a
suggestion. Facts of librdkafka 2.16 (``rd_kafka_conf_properties_show``), of confluent-kafka's
registry client and of ONNX Runtime 1.32; a test holds them against the installed versions.
Callbacks and what only a C program can set are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version

LIBRDKAFKA = "2.16"
#: A name that begins like another is meant as it, if it is not too short to say so.
_TELLING_LETTERS = 4

BOTH_CLIENTS = """
allow.auto.create.topics api.version.fallback.ms api.version.request
api.version.request.timeout.ms bootstrap.servers broker.address.family broker.address.ttl
broker.version.fallback client.dns.lookup client.id client.rack connections.max.idle.ms debug
enable.metrics.push enable.random.seed enable.sasl.oauthbearer.unsecure.jwt
enable.ssl.certificate.verification https.ca.location https.ca.pem log.connection.close
log.thread.name log_level max.in.flight max.in.flight.requests.per.connection
message.copy.max.bytes message.max.bytes metadata.broker.list metadata.max.age.ms
metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy plugin.library.paths
receive.message.max.bytes reconnect.backoff.jitter.ms reconnect.backoff.max.ms
reconnect.backoff.ms retry.backoff.max.ms retry.backoff.ms sasl.kerberos.keytab
sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.principal
sasl.kerberos.service.name sasl.mechanism sasl.mechanisms sasl.oauthbearer.assertion.algorithm
sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.jwt.template.file
sasl.oauthbearer.assertion.private.key.file sasl.oauthbearer.assertion.private.key.passphrase
sasl.oauthbearer.assertion.private.key.pem sasl.oauthbearer.client.credentials.client.id
sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.client.id
sasl.oauthbearer.client.secret sasl.oauthbearer.config sasl.oauthbearer.extensions
sasl.oauthbearer.grant.type sasl.oauthbearer.metadata.authentication.type
sasl.oauthbearer.method sasl.oauthbearer.scope sasl.oauthbearer.sub.claim.name
sasl.oauthbearer.token.endpoint.url sasl.password sasl.username security.protocol
socket.blocking.max.ms socket.connection.setup.timeout.ms socket.keepalive.enable
socket.max.fails socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes
socket.timeout.ms ssl.ca.certificate.stores ssl.ca.location ssl.ca.pem ssl.certificate.location
ssl.certificate.pem ssl.cipher.suites ssl.crl.location ssl.curves.list
ssl.endpoint.identification.algorithm ssl.engine.id ssl.engine.location ssl.key.location
ssl.key.password ssl.key.pem ssl.keystore.location ssl.keystore.password ssl.providers
ssl.sigalgs.list statistics.interval.ms topic.blacklist topic.metadata.propagation.max.ms
topic.metadata.refresh.fast.cnt topic.metadata.refresh.fast.interval.ms
topic.metadata.refresh.interval.ms topic.metadata.refresh.sparse
"""

CONSUMER = """
auto.commit.enable auto.commit.interval.ms auto.offset.reset check.crcs
coordinator.query.interval.ms enable.auto.commit enable.auto.offset.store enable.partition.eof
fetch.error.backoff.ms fetch.max.bytes fetch.message.max.bytes fetch.min.bytes
fetch.queue.backoff.ms fetch.wait.max.ms group.id group.instance.id group.protocol
group.protocol.type group.remote.assignor heartbeat.interval.ms isolation.level
max.partition.fetch.bytes max.poll.interval.ms offset.store.method offset.store.path
offset.store.sync.interval.ms partition.assignment.strategy queued.max.messages.kbytes
queued.min.messages session.timeout.ms
"""

PRODUCER = """
acks batch.num.messages batch.size compression.codec compression.level compression.type
delivery.report.only.error delivery.timeout.ms enable.gapless.guarantee enable.idempotence
linger.ms message.send.max.retries message.timeout.ms partitioner produce.offset.report
queue.buffering.backpressure.threshold queue.buffering.max.kbytes queue.buffering.max.messages
queue.buffering.max.ms queuing.strategy request.required.acks request.timeout.ms retries
sticky.partitioning.linger.ms transaction.timeout.ms transactional.id
"""

REGISTRY = """
basic.auth.user.info bearer.auth.client.id
bearer.auth.client.secret bearer.auth.credentials.source bearer.auth.identity.pool.id
bearer.auth.issuer.endpoint.query bearer.auth.issuer.endpoint.url bearer.auth.logical.cluster
bearer.auth.scope bearer.auth.token
cache.capacity cache.latest.ttl.sec max.retries proxy retries.max.wait.ms retries.wait.ms
ssl.ca.location ssl.certificate.location ssl.key.location ssl.key.password
"""

SESSION = """
mlas.disable_kleidiai mlas.kleidiai.conv_igemm_max_work mlas.nchwc_depthwise_sliding
mlas.nchwc_pointwise_conv_max_input_channel_batch mlas.qnbit.force_fp32 mlas.use_lut_gemm
optimization.constant_folding_max_output_size_in_bytes optimization.disable_specified_optimizers
optimization.enable_cast_chain_elimination optimization.enable_gelu_approximation
optimization.minimal_build_optimizations session.allow_released_opsets_only
session.collect_node_memory_stats_to_file session.compile_only
session.debug_layout_transformation session.disable_aot_function_inlining
session.disable_cpu_ep_fallback session.disable_double_qdq_remover session.disable_model_compile
session.disable_prepacking session.disable_qdq_constant_folding session.disable_quant_qdq
session.dynamic_block_base session.enable_cpu_mem_arena session.enable_dq_matmulnbits_fusion
session.enable_mem_pattern session.enable_profiling session.enable_quant_qdq_cleanup
session.enable_saved_runtime_optimizations session.execution_mode
session.external_data_loader.chunk_bytes session.external_data_loader.min_size_bytes
session.external_data_loader.pinned_memory_bytes session.external_data_loader.threads
session.fail_on_suboptimal_compiled_model session.force_spinning_stop
session.function_expansion_byte_limit session.function_expansion_node_limit
session.gqa_value_layout session.graph_optimization_level session.graph_optimizations_loop_level
session.inter_op.allow_spinning session.inter_op.spin_backoff_max
session.inter_op.spin_duration_us session.inter_op_num_threads session.intra_op.allow_spinning
session.intra_op.spin_backoff_max session.intra_op.spin_duration_us session.intra_op_num_threads
session.intra_op_thread_affinities session.kernel_dispatch_policy
session.layer_assignment_settings session.load_model_format session.log_id
session.log_severity_level session.log_verbosity_level session.max_shape_override
session.name_based_layer_assignment session.node_partition_config_file
session.optimized_model_external_initializers_file_name
session.optimized_model_external_initializers_min_size_in_bytes session.optimized_model_filepath
session.prepack.enable_parallel session.qdq_matmulnbits_accuracy_level
session.qdq_matmulnbits_block_size session.record_ep_graph_assignment_info
session.resource_cuda_partitioning_settings
session.save_external_prepacked_constant_initializers session.save_model_format
session.set_denormal_as_zero session.strict_shape_type_inference
session.strict_workspace_verification session.use_deterministic_compute
session.use_device_allocator_for_initializers session.use_env_allocators
session.use_external_initializer_file_buffers_directly session.use_ort_model_bytes_directly
session.use_ort_model_bytes_for_initializers session.use_per_session_threads
"""

_BY_SECTION = {
    "common": BOTH_CLIENTS,
    "consumer": BOTH_CLIENTS + CONSUMER,
    "producer": BOTH_CLIENTS + PRODUCER,
    "properties": REGISTRY,
    "session": SESSION,
}


def known(section: str) -> frozenset[str]:
    """Return the names that may stand below ``common``, ``consumer`` and so on, if known."""
    return frozenset(_BY_SECTION.get(section, "").split())


def from_environment(section: str, written: str) -> str | None:
    """Return the property that ``SASL_PASSWORD`` (in any case) stands for, if there is one."""
    wanted = re.sub(r"[._]+", ".", written.lower())
    return next((name for name in known(section) if name.replace("_", ".") == wanted), None)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that a person most likely meant, or ``None``."""
    by_form = {_form(candidate): candidate for candidate in candidates}
    form = _form(name)
    close = get_close_matches(form, by_form, n=1, cutoff=0.7)
    if not close and len(form) >= _TELLING_LETTERS:
        close = [other for other in by_form if other.startswith(form) or form.startswith(other)]
    return by_form[close[0]] if close else None


def _form(name: str) -> str:
    return re.sub(r"[._-]+", ".", name.lower())


def complete_for_installed_client() -> bool:
    """Return whether the list is that of the installed client, and an unknown name a mistake."""
    try:
        return version("confluent-kafka").startswith(f"{LIBRDKAFKA}.")
    except PackageNotFoundError:
        return True
