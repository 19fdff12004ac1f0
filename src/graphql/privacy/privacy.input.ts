import { Field, ID, InputType, Int } from 'type-graphql';

@InputType({ description: 'Input of `exportUserData`.' })
export class ExportUserDataInput {
  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;
}

@InputType({ description: 'Input of `eraseUser`.' })
export class EraseUserInput {
  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'If true, returns the plan of the erasure and changes nothing.',
  })
  dryRun?: boolean | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Reason for the erasure, at most 500 characters. The reason given by staff is stored permanently with the erasure and in the audit trail, so it must not contain personal data. The reason of users who erase themselves is not stored.',
  })
  reason?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Days until the erasure starts, from 0 to 90; until then it can be cancelled. Defaults to 0, or to the days that the service is configured with for users who erase themselves, who cannot set it. If an erasure is scheduled already, 0 starts it.',
  })
  graceDays?: number | null;
}

@InputType({ description: 'Input of `cancelErasure`.' })
export class CancelErasureInput {
  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;
}

@InputType({ description: 'Input of `placeLegalHold`.' })
export class PlaceLegalHoldInput {
  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;

  @Field(() => String, { description: 'Reason for the hold, at most 500 characters.' })
  reason: string;
}

@InputType({ description: 'Input of `releaseLegalHold`.' })
export class ReleaseLegalHoldInput {
  @Field(() => ID, { description: 'ID of the user.' })
  userId: string;

  @Field(() => String, { description: 'Reason for the release, at most 500 characters.' })
  reason: string;
}
