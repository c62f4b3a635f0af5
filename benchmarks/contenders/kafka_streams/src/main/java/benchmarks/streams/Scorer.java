package benchmarks.streams;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import sun.misc.Signal;

/** Scores one topic to another with Kafka Streams, exactly once, until SIGTERM. */
public final class Scorer {

    private static final int EVENT_ID = 1;
    private static final int SCORED_ID = 2;

    private final Map<String, String> options;

    private Scorer(Map<String, String> options) {
        this.options = options;
    }

    /**
     * Runs the job that the options say: pairs of {@code --name} and value.
     *
     * @param arguments the options of a job, and {@code --features}, names with commas between
     * @throws Exception if the schema or the model can't be read, or when interrupted
     */
    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int at = 0; at < arguments.length; at += 2) {
            options.put(arguments[at].substring(2), arguments[at + 1]);
        }
        new Scorer(options).run();
    }

    private void run() throws IOException, OrtException, InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger exitCode = new AtomicInteger(0);
        // A shutdown hook is the usual way, but after SIGTERM the exit code is then always 143.
        Signal.handle(new Signal("TERM"), signal -> end.countDown());
        try (KafkaStreams streams = new KafkaStreams(topology(), properties())) {
            streams.setUncaughtExceptionHandler(
                    error -> {
                        error.printStackTrace();
                        exitCode.set(1);
                        end.countDown();
                        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                    });
            streams.start();
            end.await();
        }
        System.exit(exitCode.get());
    }

    @SuppressWarnings("removal") // Kafka 4.4 deprecates what a partitioner must still implement.
    private Topology topology() throws IOException, OrtException {
        OrtSession session = Model.load(folder().resolve("model.onnx"));
        List<String> features = List.of(options.get("features").split(","));
        Schema event = new Schema.Parser().parse(folder().resolve("schemas/event.avsc").toFile());
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(options.get("input-topic"), Consumed.with(Serdes.ByteArray(), events(event)))
                .processValues(() -> new Scoring(new Model(session, features)))
                .to(
                        options.get("output-topic"),
                        Produced.with(Serdes.ByteArray(), scored())
                                .withStreamPartitioner(
                                        (topic, key, value, partitions) ->
                                                Optional.of(Set.of(value.partition()))));
        return builder.build();
    }

    private Properties properties() {
        Properties properties = new Properties();
        double commitMillis = Double.parseDouble(options.get("commit-seconds")) * 1000;
        String group = options.get("group");
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("bootstrap-servers"));
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Math.round(commitMillis));
        properties.put(StreamsConfig.STATE_DIR_CONFIG, folder().resolve("state").toString());
        properties.put(
                StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        return properties;
    }

    private Path folder() {
        return Path.of(options.get("folder"));
    }

    private static Serde<GenericRecord> events(Schema schema) {
        FramedAvro avro = new FramedAvro(schema, EVENT_ID);
        return Serdes.serdeFrom(
                (topic, event) -> avro.write(event), (topic, value) -> avro.read(value));
    }

    private static Serde<Scoring.Scored> scored() {
        FramedAvro avro = new FramedAvro(Scoring.SCHEMA, SCORED_ID);
        return Serdes.serdeFrom(
                (topic, scored) -> avro.write(scored.event()),
                (topic, value) -> {
                    throw new UnsupportedOperationException("Scored events are only written.");
                });
    }
}
