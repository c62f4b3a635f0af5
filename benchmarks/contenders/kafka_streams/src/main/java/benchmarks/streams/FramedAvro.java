package benchmarks.streams;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
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

/**
 * Avro records of one schema in Confluent's framing: a zero, the schema's id in four bytes, the
 * record. For any number of threads, since all that Streams has share it.
 */
final class FramedAvro {

    private static final int FRAMING_BYTES = 5;

    private final int id;
    private final GenericDatumReader<GenericRecord> reader;
    private final GenericDatumWriter<GenericRecord> writer;

    FramedAvro(Schema schema, int id) {
        this.id = id;
        this.reader = new GenericDatumReader<>(schema);
        this.writer = new GenericDatumWriter<>(schema);
    }

    /** Returns the record in a value. */
    GenericRecord read(byte[] value) {
        if (value.length < FRAMING_BYTES
                || value[0] != 0
                || ByteBuffer.wrap(value).getInt(1) != id) {
            throw new SerializationException("This is no record of schema " + id + ".");
        }
        int size = value.length - FRAMING_BYTES;
        BinaryDecoder decoder =
                DecoderFactory.get().binaryDecoder(value, FRAMING_BYTES, size, null);
        try {
            return reader.read(null, decoder);
        } catch (IOException error) {
            throw new SerializationException(error);
        }
    }

    /** Returns a record as a value. */
    byte[] write(GenericRecord record) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(ByteBuffer.allocate(FRAMING_BYTES).putInt(1, id).array());
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
        try {
            writer.write(record, encoder);
            encoder.flush();
        } catch (IOException error) {
            throw new SerializationException(error);
        }
        return bytes.toByteArray();
    }
}
