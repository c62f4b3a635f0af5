package benchmarks.streams;

import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/** Turns an event into its scored event; each task of Streams has one of its own. */
final class Scoring implements FixedKeyProcessor<byte[], GenericRecord, Scoring.Scored> {

    /** What is written: the id and the time of the event, and its score. */
    static final Schema SCHEMA =
            SchemaBuilder.record("Scored")
                    .fields()
                    .requiredString("event_id")
                    .requiredLong("occurred_at")
                    .requiredFloat("score")
                    .endRecord();

    /** A scored event and the partition that its event came from. */
    record Scored(GenericRecord event, int partition) {}

    private final Model model;
    private FixedKeyProcessorContext<byte[], Scored> context;

    Scoring(Model model) {
        this.model = model;
    }

    @Override
    public void init(FixedKeyProcessorContext<byte[], Scored> context) {
        this.context = context;
    }

    @Override
    public void process(FixedKeyRecord<byte[], GenericRecord> record) {
        GenericRecord event = record.value();
        GenericRecord scored = new GenericData.Record(SCHEMA);
        scored.put(0, event.get("event_id"));
        scored.put(1, event.get("occurred_at"));
        scored.put(2, model.score(event));
        int partition = context.recordMetadata().orElseThrow().partition();
        context.forward(record.withValue(new Scored(scored, partition)));
    }

    @Override
    public void close() {
        model.close();
    }
}
