package benchmarks.streams;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.errors.SerializationException;

/** Avro records in Confluent's framing: a zero, the schema's id in four bytes, the record. */
final class FramedAvro {

    private static final int FRAMING_BYTES = 5;

    private FramedAvro() {}

    /** Reads values of one schema; for one thread, as Streams has a reader for each of its own. */
    static final class Reader {

        private final int id;
        private final GenericDatumReader<GenericRecord> records;
        private BinaryDecoder decoder;

        Reader(Schema schema, int id) {
            this.id = id;
            this.records = new GenericDatumReader<>(schema);
        }

        /** Returns the record in a value. */
        GenericRecord read(byte[] value) {
            if (value.length < FRAMING_BYTES
                    || value[0] != 0
                    || ByteBuffer.wrap(value).getInt(1) != id) {
                throw new SerializationException("This is no event of schema " + id + ".");
            }
            int size = value.length - FRAMING_BYTES;
            decoder = DecoderFactory.get().binaryDecoder(value, FRAMING_BYTES, size, decoder);
            try {
                return records.read(null, decoder);
            } catch (IOException error) {
                throw new SerializationException(error);
            }
        }
    }

    /** Writes values of one schema; for one thread. */
    static final class Writer {

        private final byte[] framing;
        private final GenericDatumWriter<GenericRecord> records;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private BinaryEncoder encoder;

        Writer(Schema schema, int id) {
            this.framing = ByteBuffer.allocate(FRAMING_BYTES).putInt(1, id).array();
            this.records = new GenericDatumWriter<>(schema);
        }

        /** Returns a record as a value. */
        byte[] write(GenericRecord record) {
            bytes.reset();
            bytes.write(framing, 0, FRAMING_BYTES);
            encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
            try {
                records.write(record, encoder);
                encoder.flush();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            return bytes.toByteArray();
        }
    }
}
