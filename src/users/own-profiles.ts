import type { AddressChanges } from './address-changes';
import { parseUserId } from './normalized';
import type { User } from './user.entity';
import { EmailTakenError, UsernameTakenError } from './user.errors';
import type { CreateUser, UserService } from './user.service';
import type { Caller } from './user-changes';

/** Creates the profiles of people who signed in for the first time. */
export class OwnProfiles {
  constructor(
    private readonly users: UserService,
    private readonly addressChanges: AddressChanges,
  ) {}

  /**
   * Returns the caller as a new user, whose id is the `sub` of the access token. The address is verified if the token
   * says so.
   *
   * @throws as `UserService.create`; TooManyAddressChangesError after ten addresses of others within an hour
   */
  async create(caller: Caller, input: CreateUser): Promise<User> {
    const userId = parseUserId(caller.actor.id);
    if (userId === null) throw new Error('the access guard admitted a caller whose id is not a UUID');
    await this.addressChanges.countCreation(userId);
    let saysAddressIsInUse = false;
    try {
      return await this.users.create(caller, { ...input, userId }, caller.actor.verifiedEmail);
    } catch (error) {
      saysAddressIsInUse = error instanceof EmailTakenError || error instanceof UsernameTakenError;
      throw error;
    } finally {
      if (!saysAddressIsInUse) await this.addressChanges.uncountCreation(userId);
    }
  }
}
