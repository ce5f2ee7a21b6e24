// Records what Vertesia's own Bedrock driver gives to Studio for answers of AWS, for tests/aws_setup/test_driver.py.
//
//   npm install --prefix DIRECTORY @llumiverse/drivers@1.5.0
//   node record.mjs DIRECTORY us-east-1.json awkward.json
//
// Each file holds AWS's three answers (null: the call fails); beside them the driver's list is written, or null where
// it throws. Modalities and tool support come from Vertesia's own catalogue and are not recorded.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [directory, ...files] = process.argv.slice(2);
const library = resolve(directory, 'node_modules/@llumiverse/drivers/lib/bedrock/index.js');
const { BedrockDriver } = await import(pathToFileURL(library));

const answering = (name, items) => async (request) => {
    if (Object.keys(request).length) throw new Error(`the driver asks for ${JSON.stringify(request)}`);
    if (items === null) throw new Error('AccessDeniedException');
    return { [name]: items };
};

async function list(answers) {
    const driver = new BedrockDriver({ region: 'us-east-1' });
    driver.getService = () => ({
        listFoundationModels: answering('modelSummaries', answers.foundation_models),
        listCustomModels: answering('modelSummaries', answers.custom_models),
        listInferenceProfiles: answering('inferenceProfileSummaries', answers.inference_profiles),
    });
    try {
        return (await driver.listModels()).map(
            ({ input_modalities, output_modalities, tool_support, ...model }) => model,
        );
    } catch {
        return null;
    }
}

const lines = (items) => items && items.map((item) => `\n  ${JSON.stringify(item)}`).join(',');
const write = (items) => (items === null ? 'null' : `[${lines(items)}\n ]`);

for (const file of files) {
    const { studio: _, ...answers } = JSON.parse(readFileSync(file, 'utf8'));
    const recorded = { ...answers, studio: await list(answers) };
    const text = Object.entries(recorded).map(([name, items]) => ` ${JSON.stringify(name)}: ${write(items)}`);
    writeFileSync(file, `{\n${text.join(',\n')}\n}\n`);
}
